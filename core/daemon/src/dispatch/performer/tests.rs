//! What becomes of effects: performed, shown, or refused.

use super::*;

use std::path::Path;

use portraitd_ledger::Lock;
use portraitd_reconcile::{BackendId, Published, UserId};

use crate::clock::Clock;
use crate::config::PublishConfig;
use crate::publish::{Outage, Shelf};
use crate::secrets::Secrets;
use crate::transport::Lane;

/// A performer whose setting `path` is `target`, beside a drop folder and a state directory.
fn performer(home: &Path, target: &str, dry: Option<DryRun>) -> Performer {
    let settings = json!({ "path": home.join(target), "number": 7 }).as_object().unwrap().clone();
    let subject = Subject {
        settings,
        renditions: BTreeMap::from([("thumb".to_owned(), Blob::from(*b"picture"))]),
        digests: BTreeMap::from([("thumb".to_owned(), "00".to_owned())]),
        memory: DeliveryMemory::new(None, None, Clock::start()),
    };
    let channel = Channel {
        backend: BackendId::parse("portraits").unwrap(),
        secrets: Secrets::default(),
        lane: Arc::new(Lane::new(Duration::from_secs(1), Duration::ZERO)),
        memory: Arc::default(),
        examples: Vec::new(),
    };
    Performer::new(dry.map_or_else(|| real(home), Stage::Dry), Arc::new(channel), subject)
}

fn real(home: &Path) -> Stage {
    let mut config = Config::default();
    config.folder.path = home.join("drop");
    config.state.path = home.join("state");
    std::fs::create_dir_all(&config.folder.path).unwrap();
    let ledger = Ledger::open(&Lock::take(&config.state.path).unwrap()).unwrap().ledger;
    let real = Real::without_state(&config, transport::Lazy::new(&config.http));
    Stage::Real(Arc::new(Real { ledger: Some(ledger), ..real }))
}

/// A performer of a delivery to `anna`, which publishes; and its ledger.
fn publishing(home: &Path, outage: Outage) -> (Performer, Ledger) {
    let state = home.join("state");
    let Stage::Real(real) = real(home) else { unreachable!("it is real") };
    let Real { roots, transport, ledger, metrics, .. } = Arc::into_inner(real).unwrap();
    let url = "https://photos.example.com/a/".parse().unwrap();
    let publisher = Publisher::open(&url, Shelf::open_or_make(&state).unwrap(), outage).unwrap();
    let mut performer = performer(&home.join("other"), "out", None);
    performer.stage =
        Stage::Real(Arc::new(Real { roots, transport, ledger: ledger.clone(), metrics, publisher: Some(publisher) }));
    let about = (UserId::parse("anna").unwrap(), BackendId::parse("portraits").unwrap());
    performer.subject.memory = DeliveryMemory::new(ledger.clone(), Some(about), Clock::start());
    (performer, ledger.unwrap())
}

fn publish() -> Effect {
    Effect::Publish { rendition: "thumb".into() }
}

async fn perform(performer: &Performer, effect: Effect) -> Reply {
    performer.perform(effect).await.0
}

fn put(setting: &str, rendition: &str) -> Effect {
    Effect::FilePut { directory: setting.into(), path: "anna/thumb.jpg".into(), rendition: rendition.into() }
}

fn refusal(reply: Reply) -> EffectErrorKind {
    match reply {
        Reply::Error(error) => error.kind,
        other => panic!("performed: {other:?}"),
    }
}

#[tokio::test]
async fn a_rendition_is_published_and_taken_away_again() {
    let home = tempfile::tempdir().unwrap();
    let performer = performer(home.path(), "out", None);
    assert_eq!(perform(&performer, put("path", "thumb")).await, Reply::FilePut { changed: true });
    assert_eq!(std::fs::read(home.path().join("out/anna/thumb.jpg")).unwrap(), b"picture");
    assert_eq!(perform(&performer, put("path", "thumb")).await, Reply::FilePut { changed: false });
    let remove = Effect::FileRemove { directory: "path".into(), path: "anna/thumb.jpg".into() };
    assert_eq!(perform(&performer, remove).await, Reply::FileRemove { existed: true });
    assert!(!home.path().join("out/anna").exists());
}

#[tokio::test]
async fn nothing_is_published_into_the_drop_folder_or_the_state_by_any_path() {
    for target in ["drop", "drop/deeper", "state", "out/../drop", "link"] {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("drop")).unwrap();
        std::os::unix::fs::symlink("drop", home.path().join("link")).unwrap();
        let reply = perform(&performer(home.path(), target, None), put("path", "thumb")).await;
        assert_eq!(refusal(reply), EffectErrorKind::Denied, "{target}");
        assert_eq!(std::fs::read_dir(home.path().join("drop")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_plugin_names_directories_by_settings_and_pictures_by_renditions() {
    let home = tempfile::tempdir().unwrap();
    let performer = performer(home.path(), "out", None);
    for (setting, rendition) in [("number", "thumb"), ("/etc", "thumb"), ("path", "original")] {
        let reply = perform(&performer, put(setting, rendition)).await;
        assert_eq!(refusal(reply), EffectErrorKind::NotFound, "{setting} {rendition}");
    }
}

#[tokio::test]
async fn a_dry_run_shows_effects_and_performs_none() {
    let home = tempfile::tempdir().unwrap();
    let shown = DryRun::new(&PublishConfig::default());
    let performer = performer(home.path(), "out", Some(shown.clone()));
    assert_eq!(perform(&performer, put("path", "thumb")).await, Reply::FilePut { changed: true });
    assert_eq!(perform(&performer, Effect::Sleep { ms: 3_600_000 }).await, Reply::Sleep {});
    assert!(!home.path().join("out").exists());
    let file = home.path().join("out/anna/thumb.jpg");
    assert_eq!(shown.lines(), [format!("portraits: would write {} (7 bytes)", file.display())]);
}

#[tokio::test]
async fn a_told_picture_is_there_and_written_down_and_has_the_same_url_again() {
    let home = tempfile::tempdir().unwrap();
    let (performer, ledger) = publishing(home.path(), Outage::default());
    let Reply::Publish { url } = perform(&performer, publish()).await else { panic!("it is published") };
    let file = url.strip_prefix("https://photos.example.com/a/").unwrap();
    assert_eq!(std::fs::read(home.path().join("state/published").join(file)).unwrap(), b"picture");
    let name: PictureName = file.strip_suffix(".jpg").unwrap().parse().unwrap();
    assert_eq!(performer.seen().published, [name]);
    ledger.close().unwrap();
    drop(performer);
    let (again, ledger) = publishing(home.path(), Outage::default());
    assert_eq!(perform(&again, publish()).await, Reply::Publish { url });
    ledger.close().unwrap();
    drop(again);
    let snapshot = Ledger::open(&Lock::take(&home.path().join("state")).unwrap()).unwrap().snapshot;
    let row =
        |(user, backend, picture): &(UserId, BackendId, Published)| (user.to_string(), backend.to_string(), *picture);
    let expected = ("anna".into(), "portraits".into(), Published { name, recorded: false });
    assert_eq!(snapshot.published.iter().map(row).collect::<Vec<_>>(), [expected]);
}

#[tokio::test]
async fn nothing_is_told_that_nobody_could_fetch() {
    let home = tempfile::tempdir().unwrap();
    let plain = performer(home.path(), "out", None);
    assert_eq!(refusal(perform(&plain, publish()).await), EffectErrorKind::NotFound);
    drop(plain);
    let outage = Outage::default();
    let (performer, ledger) = publishing(home.path(), outage.clone());
    outage.begin("no port".into());
    assert_eq!(refusal(perform(&performer, publish()).await), EffectErrorKind::Io);
    std::fs::remove_dir_all(home.path().join("state/published")).unwrap();
    std::fs::write(home.path().join("state/published"), "in the way").unwrap();
    outage.end();
    assert_eq!(refusal(perform(&performer, publish()).await), EffectErrorKind::Denied);
    std::fs::remove_file(home.path().join("state/published")).unwrap();
    ledger.close().unwrap();
    assert_eq!(refusal(perform(&performer, publish()).await), EffectErrorKind::Io, "it cannot be written down");
    assert_eq!(performer.seen().published.len(), 2, "what may have been published counts");
}

#[tokio::test]
async fn a_dry_run_assumes_a_url_and_publishes_nothing() {
    let road = "listen = '127.0.0.1:1'\nurl = 'https://photos.example.com'";
    let configs = [(PublishConfig::default(), "photos.invalid"), (toml::from_str(road).unwrap(), "photos.example.com")];
    for (config, host) in configs {
        let home = tempfile::tempdir().unwrap();
        let shown = DryRun::new(&config);
        let performer = performer(home.path(), "out", Some(shown.clone()));
        let url = format!("https://{host}/assumed/thumb.jpg");
        assert_eq!(perform(&performer, publish()).await, Reply::Publish { url });
        assert_eq!(shown.lines(), ["portraits: would publish thumb (7 bytes)"]);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
