//! The identity of a plugin: a few words of JSON in a section of the library, readable without running any of its code.
//!
//! Written at compile time by `export!`, read by the host before it loads the library. Says nothing about settings;
//! those come from `describe`, which runs code.

use serde::{Deserialize, Serialize};

use crate::message::EffectKind;

/// Name of the exported table. Its number is the ABI major: a new major has another symbol.
pub const SYMBOL: &str = "portraitd_plugin_v1";

/// Name of the section that holds the identity.
pub const SECTION: &str = ".portraitd";

/// The ABI major that this sdk speaks.
pub const ABI_MAJOR: u32 = 1;

/// The ABI minor that this sdk speaks. It grows by one with every new effect kind.
pub const ABI_MINOR: u32 = 1;

/// The target triple that this crate was built for.
pub const TARGET: &str = env!("PORTRAITD_TARGET");

/// The version of the compiler that built this crate.
const RUSTC: &str = env!("PORTRAITD_RUSTC");

/// Who a plugin is and what it needs of its host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Identity {
    /// The plugin's name; `plugin = "..."` in the config means this.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// Version of the sdk that it was written with.
    pub sdk: String,
    /// The ABI that it speaks.
    pub abi: AbiVersion,
    /// The target triple that it was built for.
    pub target: String,
    /// The compiler that built it, for information only.
    #[serde(default)]
    pub rustc: String,
    /// What a panic does in it: `unwind` or `abort`.
    pub panic: String,
    /// The effect kinds that it cannot do without.
    #[serde(default)]
    pub needs: Vec<String>,
}

/// An ABI version. Plugins of one major work with every host of that major that knows what they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AbiVersion {
    /// Differs when old plugins cannot work.
    pub major: u32,
    /// Grows when something was added.
    pub minor: u32,
}

impl std::fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What `export!` knows about the crate that it stands in.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Exporter {
    /// `CARGO_CRATE_NAME`
    pub library: &'static str,
    /// `CARGO_PKG_VERSION`
    pub version: &'static str,
    /// [`PANIC_STRATEGY`] as the plugin's own crate sees it.
    pub panic: &'static str,
    /// The backend's `NEEDS`.
    pub needs: &'static [EffectKind],
}

impl Exporter {
    /// Length of the identity's JSON in bytes.
    pub const fn json_len(&self) -> usize {
        self.write(&mut [0; IDENTITY_MAX])
    }

    /// The identity's JSON. `N` is [`Exporter::json_len`].
    pub const fn json<const N: usize>(&self) -> [u8; N] {
        let mut all = [0; IDENTITY_MAX];
        assert!(self.write(&mut all) == N, "the length was asked for with the same words");
        let mut json = [0; N];
        json.copy_from_slice(all.split_at(N).0);
        json
    }

    const fn write(&self, out: &mut [u8; IDENTITY_MAX]) -> usize {
        let mut at = 0;
        at = push(out, at, r#"{"name":""#);
        at = push_name(out, at, self.library);
        at = push(out, at, r#"","version":""#);
        at = push(out, at, self.version);
        at = push(out, at, concat!(r#"","sdk":""#, env!("CARGO_PKG_VERSION")));
        at = push(out, at, r#"","abi":{"major":1,"minor":1},"target":""#);
        at = push(out, at, TARGET);
        at = push(out, at, r#"","rustc":""#);
        at = push(out, at, RUSTC);
        at = push(out, at, r#"","panic":""#);
        at = push(out, at, self.panic);
        at = push(out, at, r#"","needs":["#);
        let mut index = 0;
        while index < self.needs.len() {
            at = push(out, at, if index == 0 { "\"" } else { ",\"" });
            at = push(out, at, self.needs[index].word());
            at = push(out, at, "\"");
            index += 1;
        }
        push(out, at, "]}")
    }
}

/// The most bytes that an identity may have.
const IDENTITY_MAX: usize = 2_048;

const fn push(out: &mut [u8; IDENTITY_MAX], at: usize, text: &str) -> usize {
    let text = text.as_bytes();
    let mut index = 0;
    while index < text.len() {
        out[at + index] = text[index];
        index += 1;
    }
    at + text.len()
}

/// The library `portraitd_plugin_acme_one` is the plugin `acme-one`.
const fn push_name(out: &mut [u8; IDENTITY_MAX], mut at: usize, library: &str) -> usize {
    let (library, prefix) = (library.as_bytes(), "portraitd_plugin_".as_bytes());
    assert!(library.len() > prefix.len(), "name the plugin's package portraitd-plugin-<name>");
    let mut index = 0;
    while index < library.len() {
        if index < prefix.len() {
            assert!(library[index] == prefix[index], "name the plugin's package portraitd-plugin-<name>");
        } else {
            out[at] = if library[index] == b'_' { b'-' } else { library[index] };
            at += 1;
        }
        index += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORTER: Exporter = Exporter {
        library: "portraitd_plugin_acme_one",
        version: "1.2.3",
        panic: "unwind",
        needs: &[EffectKind::FilePut, EffectKind::Sleep],
    };

    #[test]
    fn what_export_writes_the_host_reads() {
        let identity: Identity = serde_json::from_slice(&EXPORTER.json::<{ EXPORTER.json_len() }>()).unwrap();
        let abi = AbiVersion { major: ABI_MAJOR, minor: ABI_MINOR };
        assert_eq!((identity.name.as_str(), identity.version.as_str(), identity.abi), ("acme-one", "1.2.3", abi));
        assert_eq!((identity.target.as_str(), identity.panic.as_str()), (TARGET, "unwind"));
        assert_eq!(identity.needs, ["file-put", "sleep"]);
        assert!(identity.rustc.starts_with("rustc "), "{}", identity.rustc);
    }
}
