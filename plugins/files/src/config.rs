//! What a person may set. Says nothing about what is done with it.

use portraitd_sdk::RenditionSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The folder to publish into. A relative one is relative to the daemon's working directory.
    #[schemars(extend("x-identifying" = true))]
    pub path: String,

    /// Where in the folder a picture goes: {userid} is the photo's name, {rendition} the rendition's.
    #[serde(default = "default_name")]
    #[schemars(extend("x-identifying" = true))]
    pub name: String,

    /// Which pictures are made of each photo.
    #[serde(default = "default_renditions")]
    pub renditions: Vec<RenditionSpec>,
}

fn default_name() -> String {
    "{userid}/{rendition}.jpg".into()
}

fn default_renditions() -> Vec<RenditionSpec> {
    vec![
        RenditionSpec::at_most("original", 2048, 2048),
        RenditionSpec::exact("thumb", 200, 200),
        RenditionSpec::exact("icon", 48, 48),
    ]
}
