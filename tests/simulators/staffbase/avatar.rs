//! An update of a user's avatar, read by the letter [seed: step 2], and the sizes that its pictures must have [seed: image
//! types]. It changes nobody.

use serde_json::{Map, Value, json};

use super::{
    super::{picture, request::Request},
    Refusal,
};

/// The image types of an avatar [seed].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Size {
    Original,
    Thumb,
    Icon,
}

impl Size {
    pub(crate) const ALL: [Self; 3] = [Self::Original, Self::Thumb, Self::Icon];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Thumb => "thumb",
            Self::Icon => "icon",
        }
    }

    /// The side that both sides must have. The original may be of any size.
    pub(crate) const fn side(self) -> Option<usize> {
        match self {
            Self::Original => None,
            Self::Thumb => Some(200),
            Self::Icon => Some(48),
        }
    }
}

/// The pictures of an avatar.
#[derive(Clone)]
pub(super) struct Avatar(Vec<Picture>);

/// A picture by its URL.
#[derive(Clone)]
pub(super) struct Picture {
    pub(super) size: Size,
    pub(super) url: String,
    /// Width and height, for the original.
    told: Option<(u64, u64)>,
}

impl Avatar {
    /// An avatar with one picture for all sizes.
    pub(super) fn of_original(url: &str, told: (u64, u64)) -> Self {
        Self(vec![Picture { size: Size::Original, url: url.to_owned(), told: Some(told) }])
    }

    pub(super) fn pictures(&self) -> &[Picture] {
        &self.0
    }

    /// The model that users are shown with [BACKENDS 1b].
    pub(super) fn as_json(&self) -> Value {
        let picture = |picture: &Picture| {
            let shown = match picture.told {
                Some((width, height)) => {
                    json!({ "url": picture.url, "width": width, "height": height, "created": "2026-01-01T00:00:00Z" })
                }
                None => json!({ "url": picture.url, "format": null, "mimeType": null }),
            };
            (picture.size.name().to_owned(), shown)
        };
        Value::Object(self.0.iter().map(picture).collect())
    }
}

/// Reads an update: strict JSON with an avatar and nothing else, which has an original and may have the others.
pub(super) fn read(request: &Request) -> Result<Avatar, Refusal> {
    let wrong = |why: &str| Refusal::new(400, why);
    if request.header("content-type") != Some("application/json") {
        return Err(Refusal::new(415, "an update is application/json"));
    }
    let mut body: Map<String, Value> =
        serde_json::from_slice(&request.body).map_err(|_| wrong("the body is no JSON object"))?;
    let Some(Value::Object(mut avatar)) = body.remove("avatar") else { return Err(wrong("there is no avatar")) };
    let pictures = Size::ALL.into_iter().filter_map(|size| Some(picture(size, avatar.remove(size.name())?)));
    let pictures = pictures.collect::<Result<Vec<_>, _>>()?;
    if !body.is_empty() || !avatar.is_empty() {
        return Err(wrong("there is a field that is unknown"));
    }
    if pictures.first().is_none_or(|picture| picture.size != Size::Original) {
        return Err(wrong("there is no original"));
    }
    Ok(Avatar(pictures))
}

fn picture(size: Size, value: Value) -> Result<Picture, Refusal> {
    let wrong = |why: &str| Refusal::new(400, format!("{}: {why}", size.name()));
    let Value::Object(mut fields) = value else { return Err(wrong("it is no object")) };
    let Some(Value::String(url)) = fields.remove("url") else { return Err(wrong("it has no url")) };
    let told = match size {
        Size::Original => {
            let mut side = |name| fields.remove(name).and_then(|side| side.as_u64()).filter(|side| *side > 0);
            let sides = side("width").zip(side("height"));
            Some(sides.ok_or_else(|| wrong("it has no width and height in pixels"))?)
        }
        Size::Thumb | Size::Icon => None,
    };
    if !fields.is_empty() {
        return Err(wrong("it has a field that is unknown"));
    }
    if !is_absolute(&url) {
        return Err(wrong("its url is not absolute, or none"));
    }
    Ok(Picture { size, url, told })
}

fn is_absolute(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty()) && url.chars().all(|c| c.is_ascii_graphic())
}

/// An uploaded picture must have the size of its image type, and the size that is told of it.
pub(super) fn check_size(picture: &Picture, bytes: &[u8]) -> Result<(), Refusal> {
    let (width, height) = picture::size(bytes).expect("only pictures of a known size are kept");
    let fits = picture.size.side().is_none_or(|side| (width, height) == (side, side))
        && picture.told.is_none_or(|told| told == (width as u64, height as u64));
    match fits {
        true => Ok(()),
        false => Err(Refusal::new(400, format!("{}: the picture has {width}x{height}", picture.size.name()))),
    }
}
