//! What a person may set. Says nothing about what is done with it.

use portraitd_sdk::{BaseUrl, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The address of the instance, such as `https://creators-hub-instance.com`.
    #[schemars(extend("x-identifying" = true))]
    pub base_url: BaseUrl,

    /// A master token, or the token of a user who may manage users.
    pub token: Secret,

    /// How pictures are sent.
    #[serde(default)]
    pub mode: Mode,

    /// Which paths the instance has.
    #[serde(default)]
    pub paths: Paths,
}

/// How a picture is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// As the file of a form.
    #[default]
    File,
    /// As the address of a published picture, which the instance fetches.
    Url,
    /// As it is.
    Bytes,
}

/// The paths of the API: two revisions of its documentation have different ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Paths {
    /// `/api/public/user/6/updateAvatarFile`
    #[default]
    User,
    /// `/api/public/user/6/profile/updateAvatarFile`, the later one.
    Profile,
}

impl Paths {
    /// What follows the user's id in the path of the call that sets a picture.
    pub(crate) const fn to_set(self, mode: Mode) -> &'static [&'static str] {
        match (self, mode) {
            (Self::User, Mode::File) => &["updateAvatarFile"],
            (Self::User, Mode::Bytes) => &["avatarBytes"],
            (Self::Profile, Mode::File) => &["profile", "updateAvatarFile"],
            (Self::Profile, Mode::Bytes) => &["profile", "updateAvatarBytes"],
            (_, Mode::Url) => self.to_ask(),
        }
    }

    /// What follows the user's id in the path of the call that tells the picture.
    pub(crate) const fn to_ask(self) -> &'static [&'static str] {
        match self {
            Self::User => &["avatar"],
            Self::Profile => &["profile", "avatar"],
        }
    }
}
