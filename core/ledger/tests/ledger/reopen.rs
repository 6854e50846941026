//! What was written comes back, and nothing else: any sequence of changes against a plain map.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::support::{attempt, attempts, backend, changes_of, memories, memory, time, user, write};
use portraitd_ledger::{FILE_NAME, HISTORY_MAX, Ledger, Lock, Opened};
use portraitd_reconcile::{
    Attempt, AttemptState, Attempted, BackendId, BackendRecord, Change, Digest, Doubt, FileName, FileRecord, FileState,
    Fingerprint, FolderRecord, Holds, Identity, Memory, Photo, PictureName, Presence, Published, Recorded, Snapshot,
    Stat, Target, Time, UserId, UserRecord, Verdict, Verification, Warned,
};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

fn open(state: &Path) -> Opened {
    let opened = Ledger::open(&Lock::take(state).unwrap()).unwrap();
    assert!(opened.rebuilt.is_none());
    opened
}

/// The ledger as it should be, in memory.
#[derive(Default)]
struct Model {
    files: BTreeMap<FileName, FileRecord>,
    users: BTreeMap<UserId, UserRecord>,
    deliveries: BTreeMap<(UserId, BackendId), Recorded>,
    attempts: BTreeMap<(UserId, BackendId), Vec<Attempt>>,
    backends: BTreeMap<BackendId, BackendRecord>,
    folder: FolderRecord,
    memories: BTreeMap<(UserId, BackendId, [String; 3]), Memory>,
    published: BTreeMap<(UserId, BackendId, PictureName), bool>,
}

impl Model {
    fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::File(name, record) => drop(self.files.insert(name, record)),
            Change::FileForgotten(name) => drop(self.files.remove(&name)),
            Change::User(user, record) => drop(self.users.insert(user, record)),
            Change::Delivery(user, backend, recorded) => drop(self.deliveries.insert((user, backend), recorded)),
            Change::Attempt(user, backend, attempt) => self.add(user, backend, attempt),
            Change::Backend(backend, record) => drop(self.backends.insert(backend, record)),
            Change::Folder(record) => self.folder = record,
            Change::Remember { user, backend, memory } => {
                let name = [&memory.key, &memory.sha256, &memory.origin].map(String::clone);
                drop(self.memories.insert((user, backend, name), memory));
            }
            Change::Forget { user, backend, key, sha256, origin } => {
                drop(self.memories.remove(&(user, backend, [key, sha256, origin])));
            }
            Change::ForgetAll(user, backend) => self.memories.retain(|(of, at, _), _| (of, at) != (&user, &backend)),
            Change::ForgetExpired(now) => self.memories.retain(|_, memory| memory.expires.is_none_or(|end| end > now)),
            Change::Publish(user, backend, Published { name, recorded }) => {
                *self.published.entry((user, backend, name)).or_default() |= recorded;
            }
            Change::Unpublish(user, backend, name) => drop(self.published.remove(&(user, backend, name))),
        }
    }

    fn add(&mut self, user: UserId, backend: BackendId, attempt: Attempt) {
        let history = self.attempts.entry((user, backend)).or_default();
        history.push(attempt);
        let surplus = history.len().saturating_sub(HISTORY_MAX as usize);
        history.drain(..surplus);
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            files: self.files.clone().into_iter().collect(),
            users: self.users.clone().into_iter().collect(),
            deliveries: self.deliveries.clone().into_iter().map(|((user, backend), it)| (user, backend, it)).collect(),
            backends: self.backends.clone().into_iter().collect(),
            folder: self.folder.clone(),
            published: self.published(),
        }
    }

    fn published(&self) -> Vec<(UserId, BackendId, Published)> {
        let rows = self.published.clone().into_iter();
        rows.map(|((user, backend, name), recorded)| (user, backend, Published { name, recorded })).collect()
    }

    fn memories(&self, user: &UserId, backend: &BackendId, now: Time) -> Vec<Memory> {
        let of_delivery = self.memories.iter().filter(|((of, at, _), _)| (of, at) == (user, backend));
        let memories = of_delivery.map(|(_, memory)| memory.clone());
        memories.filter(|memory| memory.expires.is_none_or(|end| end > now)).collect()
    }

    fn attempts(&self, user: &UserId) -> Vec<(BackendId, Attempt)> {
        let of_user = self.attempts.iter().filter(|((of, _), _)| of == user);
        of_user.flat_map(|((_, backend), history)| history.iter().map(|it| (backend.clone(), it.clone()))).collect()
    }
}

fn any_user() -> impl Strategy<Value = UserId> {
    prop_oneof!["[a-d]", "[a-z@+_][A-Za-z0-9._@+-]{0,20}", "\\PC{1,20}"]
        .prop_filter_map("not a user id", |text| UserId::parse(&text).ok())
}

fn any_backend() -> impl Strategy<Value = BackendId> {
    "[a-c][a-z0-9-]{0,2}".prop_map(|text| BackendId::parse(&text).unwrap())
}

fn any_file_name() -> impl Strategy<Value = FileName> {
    use std::os::unix::ffi::OsStringExt as _;
    let bytes =
        prop_oneof![vec(97_u8..100, 1..2), vec(any::<u8>().prop_filter("no name", |b| ![0, b'/'].contains(b)), 1..20)];
    bytes.prop_map(|bytes| FileName::new(std::ffi::OsString::from_vec(bytes)))
}

fn any_time() -> impl Strategy<Value = Time> {
    any::<i64>().prop_map(Time::from_millis)
}

fn any_photo() -> impl Strategy<Value = Photo> {
    (any::<[u8; 32]>(), any::<u32>(), any::<u32>(), vec(any::<String>(), 0..3)).prop_map(
        |(digest, width, height, warnings)| Photo { digest: Digest::from_bytes(digest), width, height, warnings },
    )
}

fn any_stat() -> impl Strategy<Value = Stat> {
    (any::<u64>(), any::<u64>(), any::<u64>(), any::<i64>(), any::<i64>())
        .prop_map(|(dev, ino, size, mtime_ns, ctime_ns)| Stat { dev, ino, size, mtime_ns, ctime_ns })
}

fn any_file_state() -> impl Strategy<Value = FileState> {
    prop_oneof![
        any_photo().prop_map(FileState::Accepted),
        any::<String>().prop_map(|reason| FileState::Rejected { reason }),
        any::<String>().prop_map(|reason| FileState::Ignored { reason }),
    ]
}

fn any_presence() -> impl Strategy<Value = Presence> {
    prop_oneof![
        Just(Presence::Here),
        (any_time(), any::<bool>()).prop_map(|(since, cleared)| Presence::Missing { since, cleared }),
        (any_time(), any::<bool>()).prop_map(|(since, cleared)| Presence::Gone { since, cleared }),
    ]
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        any::<u64>().prop_map(|ms| Verdict::RateLimited { after: Duration::from_millis(ms) }),
        proptest::sample::select(vec![
            Verdict::Changed,
            Verdict::Unchanged,
            Verdict::Removed,
            Verdict::Retry,
            Verdict::UserAbsent,
            Verdict::UserAmbiguous,
            Verdict::ImageRejected,
            Verdict::Auth,
            Verdict::Config,
            Verdict::Unsupported,
            Verdict::Bug,
        ]),
    ]
}

fn any_fingerprint() -> impl Strategy<Value = Fingerprint> {
    any::<[u8; 32]>().prop_map(Fingerprint::from_bytes)
}

fn any_recorded() -> impl Strategy<Value = Recorded> {
    let holds = prop_oneof![
        Just(Holds::Nothing),
        (any_fingerprint(), option::of(any::<String>()))
            .prop_map(|(fingerprint, receipt)| Holds::Exactly { fingerprint, receipt }),
        option::of(any::<String>()).prop_map(|receipt| Holds::Unsure { receipt }),
    ];
    let remote = option::of(any::<String>());
    let verification = option::of(any_verification());
    let warned = option::of(any_warned());
    (holds, option::of(any_attempted()), option::of(any_doubt()), remote, verification, warned).prop_map(
        |(holds, attempted, doubt, remote, verification, warned)| Recorded {
            holds,
            attempted: attempted.map(Box::new),
            doubt: doubt.map(Box::new),
            remote: remote.map(String::into_boxed_str),
            verification: verification.map(Box::new),
            warned: warned.map(Box::new),
        },
    )
}

fn any_warned() -> impl Strategy<Value = Warned> {
    (any_fingerprint(), btree_set(any::<String>(), 0..3))
        .prop_map(|(fingerprint, warnings)| Warned { fingerprint, warnings })
}

fn any_verification() -> impl Strategy<Value = Verification> {
    (option::of(any_time()), option::of(any_time()), any::<u32>()).prop_map(|(seen, due, missed)| Verification {
        seen,
        due,
        missed,
    })
}

fn any_target() -> impl Strategy<Value = Target> {
    prop_oneof![any_fingerprint().prop_map(Target::Photo), Just(Target::Removal)]
}

fn any_doubt() -> impl Strategy<Value = Doubt> {
    (option::of(any_target()), any_time()).prop_map(|(target, until)| Doubt { target, until })
}

/// A memory whose names are few, so that one replaces another.
fn any_memory() -> impl Strategy<Value = Memory> {
    ("[ab]", "[01]?", "[xy]", any::<u32>(), option::of(any_time())).prop_map(|(key, sha256, origin, value, expires)| {
        Memory { key, sha256, origin, value: value.to_string(), expires }
    })
}

/// Few, so that one is published for several deliveries and more than once.
fn any_picture_name() -> impl Strategy<Value = PictureName> {
    (0_u8..4).prop_map(|n| PictureName::from_bytes([n; 32]))
}

fn any_attempted() -> impl Strategy<Value = Attempted> {
    let state = prop_oneof![
        any_time().prop_map(|at| AttemptState::Begun { at }),
        (any_verdict(), any::<String>(), any_time()).prop_map(|(verdict, reason, next)| AttemptState::Failed {
            verdict,
            reason,
            next
        }),
    ];
    (any_target(), any::<u32>(), any_time(), state).prop_map(|(target, count, since, state)| Attempted {
        target,
        count,
        since,
        state,
    })
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    (any_time(), any_verdict(), any::<String>(), any::<u64>()).prop_map(|(at, verdict, reason, ms)| Attempt {
        at,
        verdict,
        reason,
        ms,
    })
}

fn any_backend_record() -> impl Strategy<Value = BackendRecord> {
    (any::<String>(), any_time(), option::of(any::<String>()), option::of(any_time()), any::<bool>())
        .prop_map(|(shape, since, held, quiet_until, paused)| BackendRecord { shape, since, held, quiet_until, paused })
}

fn any_folder_record() -> impl Strategy<Value = FolderRecord> {
    let identity = || option::of((any::<u64>(), any::<u64>()).prop_map(|(dev, ino)| Identity { dev, ino }));
    (identity(), identity(), any::<bool>(), any::<String>(), any::<String>(), option::of(any_time())).prop_map(
        |(trusted, seen, braked, rules, edition, scanned)| FolderRecord {
            trusted,
            seen,
            braked,
            rules,
            edition,
            scanned,
        },
    )
}

fn any_change() -> impl Strategy<Value = Change> {
    let file = (any_stat(), option::of(any_user()), any_file_state()).prop_map(|(stat, user, state)| FileRecord {
        stat,
        user,
        state,
    });
    let user = (any_file_name(), any_photo(), any_time(), any_presence())
        .prop_map(|(file, photo, accepted_at, presence)| UserRecord { file, photo, accepted_at, presence });
    prop_oneof![
        (any_file_name(), file).prop_map(|(name, record)| Change::File(name, record)),
        any_file_name().prop_map(Change::FileForgotten),
        (any_user(), user).prop_map(|(user, record)| Change::User(user, record)),
        (any_user(), any_backend(), any_recorded()).prop_map(|(user, at, it)| Change::Delivery(user, at, it)),
        (any_user(), any_backend(), any_attempt()).prop_map(|(user, at, it)| Change::Attempt(user, at, it)),
        (any_backend(), any_backend_record()).prop_map(|(backend, record)| Change::Backend(backend, record)),
        any_folder_record().prop_map(Change::Folder),
        (any_user(), any_backend(), any_memory()).prop_map(|(user, backend, memory)| Change::Remember {
            user,
            backend,
            memory
        }),
        (any_user(), any_backend(), any_memory()).prop_map(|(user, backend, Memory { key, sha256, origin, .. })| {
            Change::Forget { user, backend, key, sha256, origin }
        }),
        (any_user(), any_backend()).prop_map(|(user, backend)| Change::ForgetAll(user, backend)),
        any_time().prop_map(Change::ForgetExpired),
        (any_user(), any_backend(), any_picture_name(), any::<bool>()).prop_map(|(user, backend, name, recorded)| {
            Change::Publish(user, backend, Published { name, recorded })
        }),
        (any_user(), any_backend(), any_picture_name())
            .prop_map(|(user, backend, name)| Change::Unpublish(user, backend, name)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_written_comes_back_at_each_start(calls in vec(vec(any_change(), 0..12), 1..12), stops in any::<u16>()) {
        let dir = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let mut opened = open(dir.path());
        for (n, changes) in calls.into_iter().enumerate() {
            changes.iter().for_each(|change| model.apply(change));
            write(&opened.ledger, changes).unwrap();
            if stops >> n & 1 == 1 {
                opened.ledger.close().unwrap();
                opened = open(dir.path());
                prop_assert_eq!(&opened.snapshot, &model.snapshot());
            }
        }
        for (user, _) in model.attempts.keys() {
            prop_assert_eq!(attempts(&opened.ledger, user).unwrap(), model.attempts(user));
        }
        for (user, at, _) in model.memories.keys() {
            let found = memories(&opened.ledger, user, at.as_str(), time(0)).unwrap();
            prop_assert_eq!(found, model.memories(user, at, time(0)));
        }
        opened.ledger.close().unwrap();
        prop_assert_eq!(open(dir.path()).snapshot, model.snapshot());
    }
}

#[test]
fn a_first_start_knows_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir.path().join("state"));
    assert_eq!(opened.snapshot, Snapshot::default());
    assert_eq!(attempts(&opened.ledger, &user(1)).unwrap(), []);
}

#[test]
fn the_history_keeps_the_newest_ten_of_each_user_and_backend() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).ledger;
    for n in 0..35 {
        write(&ledger, vec![Change::Attempt(user(1), backend("intranet"), attempt(n))]).unwrap();
    }
    write(&ledger, vec![Change::Attempt(user(1), backend("chat"), attempt(99))]).unwrap();
    write(&ledger, vec![Change::Attempt(user(2), backend("chat"), attempt(98))]).unwrap();
    let expected: Vec<_> = std::iter::once((backend("chat"), attempt(99)))
        .chain((25..35).map(|n| (backend("intranet"), attempt(n))))
        .collect();
    assert_eq!(attempts(&ledger, &user(1)).unwrap(), expected);
}

/// A ledger as portraitd 0.1 left it, with a held backend and a delivery that is done.
fn first_version(state: &Path) {
    let connection = rusqlite::Connection::open(state.join(FILE_NAME)).unwrap();
    connection.execute_batch(include_str!("../../src/schema/0001.sql")).unwrap();
    connection
        .execute_batch(
            "INSERT INTO backends VALUES ('chat', 'recipe', 5, 'wrong token', 6);
             INSERT INTO deliveries VALUES ('anna', 'chat', 'nothing', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                                            NULL, NULL, NULL, NULL);
             PRAGMA application_id = 0x70640001; PRAGMA user_version = 1;",
        )
        .unwrap();
}

#[test]
fn a_ledger_of_the_first_version_is_taken_up_and_a_copy_of_it_kept() {
    let dir = tempfile::tempdir().unwrap();
    first_version(dir.path());
    let opened = open(dir.path());
    let [(chat, record)] = &opened.snapshot.backends[..] else { panic!("{:?}", opened.snapshot) };
    assert_eq!((chat, record.held.as_deref(), record.paused), (&backend("chat"), Some("wrong token"), false));
    let anna = UserId::parse("anna").unwrap();
    assert_eq!(opened.snapshot.deliveries, [(anna.clone(), backend("chat"), Recorded::default())]);
    assert_eq!(memories(&opened.ledger, &anna, "chat", time(0)).unwrap(), []);
    assert!(dir.path().join("ledger.sqlite.version-1").exists());
}

#[test]
fn a_ledger_from_before_warnings_is_taken_up_without_any() {
    let dir = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(dir.path().join(FILE_NAME)).unwrap();
    for step in ["0001", "0002", "0003"] {
        let sql = std::fs::read_to_string(format!("src/schema/{step}.sql")).unwrap();
        connection.execute_batch(&sql).unwrap();
    }
    connection
        .execute_batch(
            "INSERT INTO deliveries (user, backend, holds, fingerprint) VALUES ('anna', 'chat', 'exactly', zeroblob(32));
             PRAGMA application_id = 0x70640003; PRAGMA user_version = 3;",
        )
        .unwrap();
    drop(connection);
    let opened = open(dir.path());
    let [(.., recorded)] = &opened.snapshot.deliveries[..] else { panic!("{:?}", opened.snapshot) };
    let holds = Holds::Exactly { fingerprint: Fingerprint::from_bytes([0; 32]), receipt: None };
    assert_eq!(recorded, &Recorded { holds, ..Recorded::default() });
    let warned = Some(Box::new(Warned {
        fingerprint: Fingerprint::from_bytes([0; 32]),
        warnings: ["dark", "enlarged"].map(String::from).into(),
    }));
    let recorded = Recorded { warned, ..recorded.clone() };
    let (user, chat) = (UserId::parse("anna").unwrap(), backend("chat"));
    write(&opened.ledger, vec![Change::Delivery(user.clone(), chat.clone(), recorded.clone())]).unwrap();
    opened.ledger.close().unwrap();
    assert_eq!(open(dir.path()).snapshot.deliveries, [(user, chat, recorded)]);
    assert!(dir.path().join("ledger.sqlite.version-3").exists());
}

#[test]
fn a_memory_is_kept_until_its_delivery_is_done_or_it_has_expired() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).ledger;
    let remember = |n, at: &str| Change::Remember { user: user(n), backend: backend(at), memory: memory(2) };
    write(&ledger, vec![remember(1, "chat"), remember(1, "intranet"), remember(2, "chat")]).unwrap();
    write(&ledger, vec![Change::ForgetAll(user(1), backend("chat"))]).unwrap();
    let end = memory(2).expires.unwrap();
    let left = |ledger: &Ledger, now| {
        [(1, "chat"), (1, "intranet"), (2, "chat")].map(|(n, at)| memories(ledger, &user(n), at, now).unwrap().len())
    };
    assert_eq!((left(&ledger, time(0)), left(&ledger, end)), ([0, 1, 1], [0, 0, 0]));
    let Memory { key, sha256, origin, .. } = memory(2);
    let forget = Change::Forget { user: user(2), backend: backend("chat"), key, sha256, origin };
    write(&ledger, vec![forget]).unwrap();
    assert_eq!(left(&ledger, time(0)), [0, 1, 0]);
    write(&ledger, vec![Change::ForgetExpired(end)]).unwrap();
    assert_eq!(left(&ledger, time(0)), [0, 0, 0]);
}

#[test]
fn the_size_follows_the_users_and_not_the_time() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).ledger;
    let size_after = |rounds: u64| {
        for round in 0..rounds {
            write(&ledger, (0..50).flat_map(|n| retimed(n, round)).collect()).unwrap();
        }
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum::<u64>()
    };
    let early = size_after(200);
    let late = size_after(200);
    assert!(late <= early + early / 10, "{early} bytes have become {late}");
}

fn retimed(n: u64, round: u64) -> Vec<Change> {
    let mut changes = changes_of(n);
    changes.push(Change::Attempt(user(n), backend("chat"), attempt(round)));
    changes
}

#[test]
fn a_handle_that_is_dropped_unclosed_still_writes_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).ledger;
    for n in 0..200 {
        ledger.write(changes_of(n), |_| ());
    }
    drop(ledger);
    let lock = std::iter::repeat_with(|| Lock::take(dir.path())).find_map(Result::ok).unwrap();
    assert_eq!(Ledger::open(&lock).unwrap().snapshot.users.len(), 200);
}

#[test]
fn a_closed_ledger_leaves_one_database_and_frees_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    let clone = opened.ledger.clone();
    write(&clone, changes_of(1)).unwrap();
    opened.ledger.close().unwrap();
    assert_eq!(
        write(&clone, changes_of(2)).unwrap_err().to_string(),
        "the ledger is closed, or an earlier write has failed"
    );
    attempts(&clone, &user(1)).unwrap_err();
    clone.close().unwrap();
    let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ledger.sqlite", "lock"]);
    assert_eq!(std::fs::read(dir.path().join("lock")).unwrap(), b"");
    assert_eq!(open(dir.path()).snapshot.users.len(), 1);
}

#[test]
fn a_caller_that_does_not_wait_for_answers_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).ledger;
    let forgotten = |count| vec![Change::FileForgotten(FileName::new("a.jpg")); count];
    let (answer, answers) = std::sync::mpsc::channel();
    for count in [portraitd_ledger::QUEUE_MAX, 1, 1] {
        let answer = answer.clone();
        ledger.write(forgotten(count), move |result| answer.send(result.is_ok()).unwrap());
    }
    drop(answer);
    let mut answers: Vec<_> = answers.iter().collect();
    answers.sort_unstable();
    assert_eq!(answers, [false, false, true]);
    write(&ledger, forgotten(1)).unwrap();
}
