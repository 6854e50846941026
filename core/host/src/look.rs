//! Looks at a library without running any of its code: whose it is, whether it is whole, and who it says that it is.
//!
//! Loading a library that is cut short kills the process with SIGBUS, and one for another machine is reported as "no
//! such file"; so everything that can be known beforehand is looked at here. Nothing here loads or copies.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use object::{Architecture, BinaryFormat, Object, ObjectKind, ObjectSection, ObjectSegment};
use portraitd_sdk::message::EffectKind;
use portraitd_sdk::{ABI_MAJOR, ABI_MINOR, AbiVersion, Identity, SECTION, TARGET};
use rustix::fs::{Mode, OFlags, openat};
use sha2::{Digest, Sha256};

use crate::error::{LoadError, Refusal};

/// The largest library that is read. Unstripped debug builds have some 10 MB.
const MAX_LIBRARY: u64 = 256 << 20;

/// The largest identity that is parsed.
const MAX_IDENTITY: usize = 4_096;

/// A library that may be loaded.
pub(crate) struct Looked {
    /// The path as it was asked for.
    pub(crate) file: PathBuf,
    pub(crate) identity: Identity,
    /// SHA-256 of `bytes` in hexadecimal.
    pub(crate) sha256: String,
    pub(crate) bytes: Vec<u8>,
}

/// Looks at everything.
pub(crate) fn look(file: &Path) -> Result<Looked, LoadError> {
    let bytes = read_trusted(file)?;
    let identity = identity_of(&bytes).map_err(|refusal| refusal.of(file))?;
    fits(&identity, file).map_err(|refusal| refusal.of(file))?;
    Ok(Looked { file: file.to_owned(), identity, sha256: hash(&bytes), bytes })
}

/// SHA-256 in hexadecimal.
pub(crate) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of the library file of a plugin.
pub(crate) fn file_name(plugin: &str) -> String {
    format!("libportraitd_plugin_{}.so", plugin.replace('-', "_"))
}

/// Whether a word can be a plugin's name.
pub(crate) fn is_plugin_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&name.len()) && !name.starts_with('-') && name.chars().all(letters)
}

/// Reads a file that only root or the daemon's user can have written, through handles that stay the same throughout.
fn read_trusted(file: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |error: std::io::Error| Refusal::Read(error).of(file);
    let real = file.canonicalize().map_err(unreadable)?;
    let (Some(directory), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(Refusal::NotAFile.of(file));
    };
    let handle = File::open(directory).map_err(unreadable)?;
    trusted(&handle.metadata().map_err(unreadable)?).map_err(|refusal| refusal.of(directory))?;
    // The path was resolved above. O_NONBLOCK: opening a FIFO must not wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let opened: OwnedFd = openat(&handle, name, flags, Mode::empty()).map_err(|error| unreadable(error.into()))?;
    read_unchanged(File::from(opened)).map_err(|refusal| refusal.of(file))
}

fn read_unchanged(mut file: File) -> Result<Vec<u8>, Refusal> {
    let before = file.metadata().map_err(Refusal::Read)?;
    if !before.is_file() {
        return Err(Refusal::NotAFile);
    }
    trusted(&before)?;
    let (bytes, max) = (before.len(), MAX_LIBRARY);
    if bytes > max {
        return Err(Refusal::TooLarge { bytes, max });
    }
    let mut content = Vec::with_capacity(bytes as usize + 1);
    file.by_ref().take(max + 1).read_to_end(&mut content).map_err(Refusal::Read)?;
    let after = file.metadata().map_err(Refusal::Read)?;
    if state(&before) != state(&after) || content.len() as u64 != bytes {
        return Err(Refusal::Changed);
    }
    Ok(content)
}

/// What changes when a file is written to.
fn state(meta: &Metadata) -> [i64; 6] {
    [meta.ino() as i64, meta.len() as i64, meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()]
}

/// Whoever can write a plugin, or put another in its place, owns the daemon.
fn trusted(meta: &Metadata) -> Result<(), Refusal> {
    let daemon = rustix::process::geteuid().as_raw();
    trusted_by(daemon, meta.uid(), meta.gid(), meta.mode())
}

fn trusted_by(daemon: u32, owner: u32, group: u32, mode: u32) -> Result<(), Refusal> {
    if owner != 0 && owner != daemon {
        return Err(Refusal::Owner { owner, daemon });
    }
    if mode & 0o002 != 0 {
        return Err(Refusal::WorldWritable);
    }
    // A user's own group has the user's number, by the convention of every distribution that has such groups. Other
    // groups may have other members.
    if mode & 0o020 != 0 && group != owner {
        return Err(Refusal::GroupWritable { group });
    }
    Ok(())
}

/// Parses the library and the identity in it.
fn identity_of(bytes: &[u8]) -> Result<Identity, Refusal> {
    let library = parse(bytes)?;
    let section = library.section_by_name(SECTION).ok_or(Refusal::NotAPlugin)?;
    let unreadable = |why: String| Refusal::Identity { why };
    let text = section.data().map_err(|error| unreadable(error.to_string()))?;
    if text.len() > MAX_IDENTITY {
        return Err(unreadable(format!("it has {} bytes, more than {MAX_IDENTITY}", text.len())));
    }
    // A compiler may fill the section up with zeros.
    let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    serde_json::from_slice(&text[..end]).map_err(|error| unreadable(error.to_string()))
}

fn parse(bytes: &[u8]) -> Result<object::File<'_>, Refusal> {
    let magic = *b"\x7fELF";
    if bytes.is_empty() {
        return Err(Refusal::NotALibrary { why: "it is empty".into() });
    }
    if !bytes.starts_with(&magic) {
        return Err(Refusal::NotALibrary { why: "it does not begin as one".into() });
    }
    // It begins as an ELF file, so what cannot be parsed of it is missing or overwritten.
    let library = object::File::parse(bytes).map_err(|error| Refusal::NotWhole { why: error.to_string() })?;
    if library.format() != BinaryFormat::Elf || library.kind() != ObjectKind::Dynamic {
        return Err(Refusal::NotALibrary { why: "it is an ELF file of another kind".into() });
    }
    of_this_machine(&library)?;
    whole(&library)?;
    Ok(library)
}

fn of_this_machine(library: &object::File<'_>) -> Result<(), Refusal> {
    let wanted = match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        "riscv64" => Architecture::Riscv64,
        // The target triple in the identity is compared too, so other machines are not let through unseen.
        _ => library.architecture(),
    };
    let here = (wanted, size_of::<usize>() == 8, cfg!(target_endian = "little"));
    let found = (library.architecture(), library.is_64(), library.is_little_endian());
    if found == here {
        return Ok(());
    }
    Err(Refusal::Architecture { found: format!("{:?}", found.0), wanted: format!("{wanted:?}") })
}

/// Every part that the headers name lies within the file.
fn whole(library: &object::File<'_>) -> Result<(), Refusal> {
    let section = |section: object::Section<'_, '_>| section.data().map(|_| ());
    let segment = |segment: object::Segment<'_, '_>| segment.data().map(|_| ());
    let sections = library.sections().try_for_each(section);
    let parts = sections.and_then(|()| library.segments().try_for_each(segment));
    parts.map_err(|error| Refusal::NotWhole { why: error.to_string() })
}

/// Whether this host can work with a plugin that says this of itself.
fn fits(identity: &Identity, file: &Path) -> Result<(), Refusal> {
    let ours = AbiVersion { major: ABI_MAJOR, minor: ABI_MINOR };
    if identity.abi.major != ours.major {
        return Err(Refusal::Abi { found: identity.abi, ours });
    }
    let known = |need: &&String| EffectKind::ALL.iter().any(|kind| kind.word() == need.as_str());
    let unknown: Vec<&str> = identity.needs.iter().filter(|need| !known(need)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(Refusal::Needs { needs: unknown.join(", ").escape_debug().collect() });
    }
    if identity.target != TARGET {
        let found = identity.target.escape_debug().collect();
        return Err(Refusal::Architecture { found, wanted: TARGET.into() });
    }
    // "none" is the word of a language that has no panics.
    if !["unwind", "none"].contains(&identity.panic.as_str()) {
        return Err(Refusal::Panics { found: identity.panic.escape_debug().collect() });
    }
    if !is_plugin_name(&identity.name) {
        return Err(Refusal::Identity { why: format!("`{}` is not a plugin name", identity.name.escape_debug()) });
    }
    // They are shown in lists, before anybody trusts the plugin.
    if [&identity.version, &identity.sdk, &identity.rustc].iter().any(|text| text.chars().any(char::is_control)) {
        return Err(Refusal::Identity { why: "it holds control characters".into() });
    }
    let expected = file_name(&identity.name);
    if file.file_name().is_none_or(|name| name != expected.as_str()) {
        return Err(Refusal::FileName { name: identity.name.clone(), expected });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            name: "acme".into(),
            version: "1.2.3".into(),
            sdk: "0.1.0".into(),
            abi: AbiVersion { major: ABI_MAJOR, minor: ABI_MINOR },
            target: TARGET.into(),
            rustc: String::new(),
            panic: "unwind".into(),
            needs: vec!["file-put".into()],
        }
    }

    fn refused(change: impl FnOnce(&mut Identity)) -> String {
        let mut identity = identity();
        change(&mut identity);
        fits(&identity, Path::new("libportraitd_plugin_acme.so")).unwrap_err().to_string()
    }

    #[test]
    fn an_identity_of_this_host_and_file_fits() {
        fits(&identity(), Path::new("/x/libportraitd_plugin_acme.so")).unwrap();
    }

    #[test]
    fn another_abi_major_is_refused_with_what_to_do() {
        let newer = refused(|identity| identity.abi = AbiVersion { major: 2, minor: 0 });
        let ours = format!("{ABI_MAJOR}.{ABI_MINOR}");
        assert_eq!(newer, format!("speaks plugin ABI 2.0, this daemon speaks {ours}: update the daemon"));
        let older = refused(|identity| identity.abi.major = 0);
        assert!(older.contains("rebuild it"), "{older}");
    }

    #[test]
    fn a_newer_minor_is_taken_unless_it_needs_something_unknown() {
        let mut newer = identity();
        newer.abi.minor = 7;
        fits(&newer, Path::new("libportraitd_plugin_acme.so")).unwrap();
        let refused = refused(|identity| identity.needs.push("teleport".into()));
        assert_eq!(refused, "needs `teleport`, which this daemon cannot do: update the daemon");
    }

    #[test]
    fn a_library_that_aborts_on_panic_is_refused() {
        assert!(refused(|identity| identity.panic = "abort".into()).contains("panic = \"abort\""));
    }

    #[test]
    fn an_identity_that_would_write_to_a_terminal_is_refused() {
        assert!(refused(|identity| identity.version = "1\u{1b}[2J".into()).contains("it holds control characters"));
    }

    #[test]
    fn a_name_that_differs_from_the_files_is_refused() {
        let refused = refused(|identity| identity.name = "other-one".into());
        assert!(refused.contains("libportraitd_plugin_other_one.so"), "{refused}");
    }

    #[test]
    fn damage_anywhere_in_a_library_is_looked_at_calmly() {
        // The test itself is an ELF file of the right kind, and of some megabytes.
        let mut library = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(matches!(identity_of(&library), Err(Refusal::NotAPlugin)));
        let mut random = 1_u64;
        for round in 0..3_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Where most of the headers are: at both ends.
            let at = (random >> 33) as usize % 4_096;
            let at = if round % 2 == 0 { at } else { library.len() - 1 - at };
            let damage = (random >> 24) as u8 | 1;
            library[at] ^= damage;
            assert!(identity_of(&library).is_err(), "there is no identity in it");
            library[at] ^= damage;
        }
    }

    #[test]
    fn a_file_whose_content_is_not_what_its_state_says_is_refused() {
        // Files of procfs have a length of 0 and content all the same, like one that grows while it is read.
        let growing = File::open("/proc/self/status").unwrap();
        assert!(matches!(read_unchanged(growing), Err(Refusal::Changed)));
    }

    #[test]
    fn only_root_the_daemons_user_and_the_owners_own_group_may_write() {
        trusted_by(1000, 0, 0, 0o775).unwrap();
        trusted_by(1000, 1000, 1000, 0o775).unwrap();
        assert!(matches!(trusted_by(1000, 1001, 1001, 0o755), Err(Refusal::Owner { .. })));
        assert!(matches!(trusted_by(1000, 1000, 1000, 0o757), Err(Refusal::WorldWritable)));
        assert!(matches!(trusted_by(1000, 1000, 100, 0o775), Err(Refusal::GroupWritable { group: 100 })));
    }
}
