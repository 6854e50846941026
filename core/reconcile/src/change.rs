//! What is written down, and what comes back at the next start. Each record is a whole row: the newest one counts.

use crate::{
    BackendId, FileName, FileState, Identity, Photo, PictureName, Presence, Recorded, Stat, Time, UserId, Verdict,
};

/// What was concluded of an entry of the folder, and for which content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileRecord {
    /// The status of the content that was examined.
    pub stat: Stat,
    /// The user that the name says.
    pub user: Option<UserId>,
    /// The conclusion.
    pub state: FileState,
}

/// The last photo that was accepted for a user, and whether it is still there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserRecord {
    /// The file that it was in.
    pub file: FileName,
    /// The photo.
    pub photo: Photo,
    /// When this content was first accepted.
    pub accepted_at: Time,
    /// Whether the user still has a file.
    pub presence: Presence,
}

/// What outlives a restart of a backend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackendRecord {
    /// Recipe and identifying settings, as one text.
    pub shape: String,
    /// Since when they are so. A photo that is older is resync, not fresh.
    pub since: Time,
    /// Why the backend is held, when it is.
    pub held: Option<String>,
    /// Until when the system asked to be left alone.
    pub quiet_until: Option<Time>,
    /// A person has paused it.
    pub paused: bool,
}

/// What is known of the folder as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FolderRecord {
    /// The directory whose absences count.
    pub trusted: Option<Identity>,
    /// The directory that was seen last.
    pub seen: Option<Identity>,
    /// Removals wait for a person.
    pub braked: bool,
    /// The rules by which files were accepted; other rules mean that all are examined again.
    pub rules: String,
    /// The version, the recipes and what is refused by them, with which files were rejected; others mean that the rejected ones are examined again.
    pub edition: String,
    /// When the last complete scan ended.
    pub scanned: Option<Time>,
}

/// One attempt that has ended, for the history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// When it ended.
    pub at: Time,
    /// What it came to.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// What a plugin remembers of a delivery that is under way, say an upload that is made already. Nothing is decided by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Memory {
    /// The plugin's name for it.
    pub key: String,
    /// The rendition that it is about, as SHA-256 in hex; empty when it is about none.
    pub sha256: String,
    /// The system that it is true of: a URL's scheme, host and port.
    pub origin: String,
    /// What is remembered, as JSON.
    pub value: String,
    /// From when on it is no longer true, where that is known.
    pub expires: Option<Time>,
}

/// A picture that systems can fetch by its URL, published for a delivery.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Published {
    /// The name in its URL.
    pub name: PictureName,
    /// Whether the last delivery that was done told the system of it; if not, an attempt after that did.
    pub recorded: bool,
}

/// Something to write down. To apply the same change twice is harmless, but for `Attempt`, which adds a line to the history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// What is known of a file.
    File(FileName, FileRecord),
    /// A file is no longer there, or must be examined again.
    FileForgotten(FileName),
    /// What is known of a user's photo.
    User(UserId, UserRecord),
    /// What is recorded of a user at a backend.
    Delivery(UserId, BackendId, Recorded),
    /// An attempt has ended.
    Attempt(UserId, BackendId, Attempt),
    /// What is known of a backend.
    Backend(BackendId, BackendRecord),
    /// What is known of the folder.
    Folder(FolderRecord),
    /// A plugin remembers something of a delivery. It replaces what was remembered under this key of this rendition at
    /// this origin.
    Remember {
        /// Whose photo is delivered.
        user: UserId,
        /// Where to.
        backend: BackendId,
        /// What is remembered.
        memory: Memory,
    },
    /// A plugin has found out that what it remembered is not true any more.
    Forget {
        /// Whose photo is delivered.
        user: UserId,
        /// Where to.
        backend: BackendId,
        /// The key of the memory, and the next two its rendition and its origin.
        key: String,
        /// See [`Memory::sha256`].
        sha256: String,
        /// See [`Memory::origin`].
        origin: String,
    },
    /// A delivery is done: nothing that was remembered of it is of use.
    ForgetAll(UserId, BackendId),
    /// What was remembered until now, or less long, is not true any more.
    ForgetExpired(Time),
    /// A picture is published for a delivery. One that is recorded stays so.
    Publish(UserId, BackendId, Published),
    /// A picture is published no longer. It goes as soon as this is written down.
    Unpublish(UserId, BackendId, PictureName),
}

/// Everything that was written down, without the history.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// The files.
    pub files: Vec<(FileName, FileRecord)>,
    /// The users.
    pub users: Vec<(UserId, UserRecord)>,
    /// The deliveries.
    pub deliveries: Vec<(UserId, BackendId, Recorded)>,
    /// The backends.
    pub backends: Vec<(BackendId, BackendRecord)>,
    /// The folder.
    pub folder: FolderRecord,
    /// The pictures that are published.
    pub published: Vec<(UserId, BackendId, Published)>,
}
