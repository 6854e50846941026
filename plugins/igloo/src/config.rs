//! What a person may set. Says nothing about what is done with it.

use portraitd_sdk::{BaseUrl, ByteCount, Failure, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The smallest chunk. A square of 512 pixels has 768 KiB before it is compressed, so that no picture needs more requests
/// than a conversation may make.
const SMALLEST_CHUNK: u64 = 4 * 1024;

/// The settings of one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The address of the digital workplace, such as `https://workplace.example.com`.
    #[schemars(extend("x-identifying" = true))]
    pub base_url: BaseUrl,

    /// The community key of the workplace: a whole number.
    #[schemars(extend("x-identifying" = true))]
    pub community_key: u64,

    /// The app id of the developer registration.
    pub app_id: String,

    /// The app password of the developer registration.
    pub app_password: Secret,

    /// The name with which the account that sets the photos signs in.
    pub username: String,

    /// The account's password of Igloo authentication, not that of a single sign-on.
    pub password: Secret,

    /// What a user's name for this backend is in the workplace: the GUID, or the e-mail address.
    #[serde(default)]
    #[schemars(extend("x-identifying" = true))]
    pub user: NamedBy,

    /// What the uploads are called.
    #[serde(default)]
    pub content_type: ContentType,

    /// How much of a picture one request carries; 0: the whole picture.
    #[serde(default = "whole")]
    pub chunk_bytes: ByteCount,

    /// Which call makes the session.
    #[serde(default)]
    pub session: SessionForm,
}

fn whole() -> ByteCount {
    ByteCount::new(0)
}

impl Settings {
    /// What the types alone cannot refuse.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        for (key, text) in [("app-id", &self.app_id), ("username", &self.username)] {
            if text.trim().is_empty() || text.chars().any(char::is_control) {
                return Err(Failure::config(format!("`{key}`: it must not be empty")));
            }
        }
        match self.chunk_bytes.get() {
            1..SMALLEST_CHUNK => {
                Err(Failure::config("`chunk-bytes`: it must be 0, for the whole picture, or at least 4KiB"))
            }
            _ => Ok(()),
        }
    }
}

/// By what users are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamedBy {
    /// The object id of the account, such as `ac94442a-be8c-4a8d-80a0-9fbc870b9943`, in whatever case.
    #[default]
    Guid,
    /// The e-mail address, in whatever case.
    Email,
}

/// The media types of a JPEG. The documentation lists the first; the second is the registered one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ContentType {
    /// `image/jpg`
    #[default]
    #[serde(rename = "image/jpg")]
    Jpg,
    /// `image/jpeg`
    #[serde(rename = "image/jpeg")]
    Jpeg,
}

impl ContentType {
    /// The media type as it stands in requests.
    pub(crate) const fn mime(self) -> &'static str {
        match self {
            Self::Jpg => "image/jpg",
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// The call that makes a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionForm {
    /// That of version 2; where there is none, that of version 1.
    #[default]
    Auto,
    /// `/.api/api.svc/session/create`, which workplaces with SAML ask for.
    V1,
    /// `/.api2/api/Session/Create`
    V2,
}
