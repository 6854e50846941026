//! What a person may set. Says nothing about what is done with it.

use portraitd_sdk::{BaseUrl, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The address of the server, such as `https://chat.example.com`, with its path where it has one.
    #[schemars(extend("x-identifying" = true))]
    pub base_url: BaseUrl,

    /// The id of the account that sets the pictures: not its name, but the user id that is shown beside a new token.
    pub user_id: String,

    /// A personal access token of that account.
    pub auth_token: Secret,

    /// How pictures are sent.
    #[serde(default)]
    pub mode: Mode,

    /// What a user's name for this backend is at the server: the username, or the id.
    #[serde(default)]
    #[schemars(extend("x-identifying" = true))]
    pub user: NamedBy,
}

/// How a picture is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// As the file of a form.
    #[default]
    File,
    /// As the address of a published picture, which the server fetches.
    Url,
}

/// By what the server is told whose picture it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamedBy {
    /// The username; the server ignores case.
    #[default]
    Username,
    /// The id, such as `BsNr28znDkG8aeo7W`; matched exactly.
    Id,
}

impl NamedBy {
    /// The field of a form, of JSON and of a query that holds it.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Id => "userId",
        }
    }
}
