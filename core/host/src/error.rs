//! Why a library is not loaded.

/// Why a library is not loaded. The text names the file and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {}
