//! What a person may set. Says nothing about what is done with it.

use portraitd_sdk::{BaseUrl, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The address of the app, such as `https://exampleapp.staffbase.com`, without `/api`.
    #[schemars(extend("x-identifying" = true))]
    pub base_url: BaseUrl,

    /// An API token with administrative access, as the Studio shows it.
    pub token: Secret,

    /// How the pictures come to the app.
    #[serde(default)]
    #[schemars(extend("x-identifying" = true))]
    pub mode: Mode,

    /// Where an existing media server has the pictures, for `mode = "urls"`: a URL with `{userid}` (the drop name) or
    /// `{remote}` (what the app calls the user), and `{rendition}`. Empty: portraitd publishes them itself.
    #[serde(default)]
    #[schemars(extend("x-identifying" = true))]
    pub urls: String,

    /// What a user's name for this backend is in the app: the id, or the external id.
    #[serde(default)]
    #[schemars(extend("x-identifying" = true))]
    pub user: NamedBy,

    /// Which pictures an avatar gets.
    #[serde(default)]
    #[schemars(extend("x-identifying" = true))]
    pub sizes: Sizes,
}

/// How the pictures come to the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// They are uploaded into its media.
    #[default]
    Upload,
    /// It is told URLs, and whoever looks at the user fetches the pictures there.
    Urls,
}

/// By what a user is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamedBy {
    /// The id of 24 hexadecimal digits, such as `5db0221d0a09a219c4ce9218`.
    #[default]
    Id,
    /// The external id; matched exactly.
    ExternalId,
}

/// Which pictures an avatar gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sizes {
    /// Original, thumb and icon.
    #[default]
    Three,
    /// The original; the app makes thumb and icon of it.
    OriginalOnly,
}
