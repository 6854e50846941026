//! The drop folder as the file system would show it: directories that can be swapped, entries with a status.
//!
//! Content is a number. What an examination would find of it is part of the number's kind.

use std::collections::{BTreeMap, BTreeSet};

use portraitd_reconcile::{Digest, Entry, Examined, FileName, Identity, Kind, Listing, Looked, Photo, Stat};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    Photo(u32),
    /// It reads as a whole photo, and cannot be rendered.
    Unrenderable(u32),
    /// No photo, or the beginning of one.
    Garbage(u32),
}

impl Content {
    pub(crate) fn digest(self) -> Digest {
        Digest::of(format!("{self:?}").as_bytes())
    }

    fn examine(self) -> Examined {
        match self {
            Self::Garbage(_) => Examined::Rejected { reason: "the file ends in the middle".into() },
            whole => {
                Examined::Accepted(Photo { digest: whole.digest(), width: 640, height: 480, warnings: Vec::new() })
            }
        }
    }
}

/// What has to be said of a photo when pictures of it are made: of every other one something.
pub(crate) fn warnings(digest: &Digest) -> BTreeSet<String> {
    let kinds = [&[][..], &["dark"], &[], &["blurred", "enlarged"]];
    kinds[usize::from(digest.as_bytes()[0] % 4)].iter().copied().map(String::from).collect()
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) stat: Stat,
    pub(crate) content: Content,
}

#[derive(Clone)]
pub(crate) struct Dir {
    pub(crate) identity: Identity,
    pub(crate) nodes: BTreeMap<String, Node>,
}

/// Where the folder's path leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mount {
    Dir(usize),
    Away,
}

/// The directories, and which one is where.
pub(crate) struct Folder {
    pub(crate) dirs: Vec<Dir>,
    /// The directory that people drop into.
    pub(crate) home: usize,
    pub(crate) mount: Mount,
    inode: u64,
    tick: i64,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let mut folder = Self { dirs: Vec::new(), home: 0, mount: Mount::Dir(0), inode: 100, tick: 0 };
        folder.make_dir(BTreeMap::new());
        folder
    }

    /// Makes a directory with these entries; they are copies with inodes of their own.
    pub(crate) fn make_dir(&mut self, mut nodes: BTreeMap<String, Node>) -> usize {
        let identity = Identity { dev: 1, ino: self.fresh_inode() };
        for node in nodes.values_mut() {
            node.stat.ino = self.fresh_inode();
        }
        self.dirs.push(Dir { identity, nodes });
        self.dirs.len() - 1
    }

    pub(crate) fn mounted(&self) -> Option<&Dir> {
        match self.mount {
            Mount::Dir(index) => Some(&self.dirs[index]),
            Mount::Away => None,
        }
    }

    pub(crate) fn home(&self) -> &BTreeMap<String, Node> {
        &self.dirs[self.home].nodes
    }

    const fn fresh_inode(&mut self) -> u64 {
        self.inode += 1;
        self.inode
    }

    /// A status with a change time that no other has.
    fn stat(&mut self, ino: u64, size: u64, mtime_ns: i64, now: i64) -> Stat {
        self.tick += 1;
        Stat { dev: 1, ino, size, mtime_ns, ctime_ns: now * 1_000_000 + self.tick % 1_000_000 }
    }

    /// A new entry takes the name, as after a rename into place.
    pub(crate) fn place(&mut self, name: &str, kind: Kind, content: Content, mtime_ns: i64, now: i64) {
        let ino = self.fresh_inode();
        let stat = self.stat(ino, 1000, mtime_ns, now);
        self.dirs[self.home].nodes.insert(name.to_owned(), Node { kind, stat, content });
    }

    /// The entry's content is written over in place.
    pub(crate) fn write(&mut self, name: &str, content: Content, size: u64, now: i64) {
        let Some(before) = self.home().get(name).copied() else {
            return self.place(name, Kind::File, content, now * 1_000_000, now);
        };
        let stat = self.stat(before.stat.ino, size, now * 1_000_000, now);
        self.dirs[self.home].nodes.insert(name.to_owned(), Node { kind: Kind::File, stat, content });
    }

    /// The entry's times change and its content does not.
    pub(crate) fn touch(&mut self, name: &str, mtime_ns: i64, now: i64) {
        let Some(mut node) = self.home().get(name).copied() else { return };
        node.stat = self.stat(node.stat.ino, node.stat.size, mtime_ns, now);
        self.dirs[self.home].nodes.insert(name.to_owned(), node);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.dirs[self.home].nodes.remove(name);
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str, now: i64) {
        let Some(mut node) = self.dirs[self.home].nodes.remove(from) else { return };
        node.stat = self.stat(node.stat.ino, node.stat.size, node.stat.mtime_ns, now);
        self.dirs[self.home].nodes.insert(to.to_owned(), node);
    }

    /// A scan; none when the folder cannot be read. An incomplete one misses what `lost` says.
    pub(crate) fn list(&self, trouble: Option<String>, mut lost: impl FnMut() -> bool) -> Option<Listing> {
        let dir = self.mounted()?;
        let seen = dir.nodes.iter().filter(|_| trouble.is_none() || !lost());
        let entries = seen.map(|(name, node)| entry(name, node)).collect();
        Some(Listing { identity: dir.identity, entries, trouble })
    }

    pub(crate) fn look(&self, name: &FileName) -> Looked {
        let Some(dir) = self.mounted() else { return Looked::Unknown };
        match dir.nodes.get_key_value(text(name)) {
            Some((name, node)) => Looked::Here(entry(name, node)),
            None => Looked::Absent,
        }
    }

    /// What reading the file finds; `stat` is the status that had settled.
    pub(crate) fn read(&self, name: &FileName, stat: Option<Stat>) -> Examined {
        let Some(dir) = self.mounted() else { return Examined::Unreadable { reason: "the folder is away".into() } };
        match dir.nodes.get(text(name)) {
            None => Examined::Absent,
            Some(node) if node.kind != Kind::File => Examined::Changed,
            Some(node) if stat.is_some_and(|stat| stat != node.stat) => Examined::Changed,
            Some(node) => node.content.examine(),
        }
    }

    pub(crate) fn content(&self, name: &FileName) -> Option<Content> {
        Some(self.mounted()?.nodes.get(text(name))?.content)
    }
}

fn entry(name: &str, node: &Node) -> Entry {
    Entry { name: FileName::new(name), kind: node.kind, stat: node.stat }
}

pub(crate) fn text(name: &FileName) -> &str {
    name.as_os_str().to_str().unwrap()
}
