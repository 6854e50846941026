//! The three forms in which a picture is sent [seed: the three payloads], each read strictly. Where the document
//! wants no JPEG, whether the bytes are a picture is not looked at here.

use serde_json::{Map, Value};

use super::{
    super::{fetch, multipart, picture, request::Request},
    Refusal,
};

/// One part `avatar` with a file name and its own image type.
pub(super) fn by_form(request: &Request) -> Result<Vec<u8>, Refusal> {
    let kind = content_type(request, "multipart/form-data")?;
    let parts = multipart::parse(kind, &request.body).map_err(|rule| Refusal::new(400, rule))?;
    let [part] = parts.as_slice() else { return Err(Refusal::new(400, "not exactly one part")) };
    if part.name != "avatar" || part.filename.is_none() {
        return Err(Refusal::new(400, "the field of the file is not avatar"));
    }
    match &part.content_type {
        Some(kind) if kind.starts_with("image/") => Ok(part.bytes.to_vec()),
        _ => Err(Refusal::new(400, "the file is not of an image type")),
    }
}

/// The JSON object `{"avatarUrl": "..."}`, and the picture from there.
pub(super) fn by_url(request: &Request) -> Result<Vec<u8>, Refusal> {
    content_type(request, "application/json")?;
    let fields = serde_json::from_slice::<Map<String, Value>>(&request.body);
    let fields = fields.map_err(|_| Refusal::new(400, "the body is no JSON object"))?;
    match (fields.get("avatarUrl"), fields.len()) {
        (Some(Value::String(url)), 1) => fetched(url),
        _ => Err(Refusal::new(400, "the body is not a text avatarUrl and nothing else")),
    }
}

fn fetched(url: &str) -> Result<Vec<u8>, Refusal> {
    let refused = |why: &str| Refusal::new(400, format!("the avatar cannot be fetched: {why}"));
    let found = fetch::get(url).map_err(|why| refused(&why))?;
    if found.status != 200 {
        return Err(refused(&format!("status {}", found.status)));
    }
    match found.header("content-type") {
        Some(kind) if kind.starts_with("image/") => Ok(found.body),
        _ => Err(refused("it is not of an image type")),
    }
}

/// The bytes alone, as `image/jpeg`.
pub(super) fn by_bytes(request: &Request) -> Result<Vec<u8>, Refusal> {
    content_type(request, "image/jpeg")?;
    match picture::media_type(&request.body) {
        Some("image/jpeg") => Ok(request.body.clone()),
        _ => Err(Refusal::new(400, "that is no JPEG")),
    }
}

/// The content type, whose essence is to be this; only a form's has parameters.
fn content_type<'a>(request: &'a Request, essence: &str) -> Result<&'a str, Refusal> {
    let kind = request.header("content-type").unwrap_or_default();
    let (found, parameters) = kind.split_once(';').map_or((kind, false), |(found, _)| (found, true));
    if found.trim().eq_ignore_ascii_case(essence) && parameters == (essence == "multipart/form-data") {
        return Ok(kind);
    }
    Err(Refusal::new(415, format!("{kind:?} where {essence} is documented")))
}
