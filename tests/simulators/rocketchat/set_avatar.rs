//! `users.setAvatar`: what a request asks for, and whether and how it is carried out. The order of the checks is the
//! server's: schema, setting, target and permission, file [BACKENDS 4b].

use serde_json::{Map, Value};

use super::{
    super::{
        fetch,
        multipart::{self, Part},
        picture,
        request::Request,
    },
    Profile,
    envelope::Failure,
    key::{Key, invalid_parameters},
    workspace::{THE_CALLER, UserIndex, Workspace},
};

/// What a request asks for.
pub(super) struct Asked<'a> {
    /// The user as the request names it, whether or not the server heeds that.
    pub(super) user: Option<String>,
    target: Option<Key>,
    picture: Picture<'a>,
}

impl Asked<'_> {
    /// A hash of the file, where it has one.
    pub(super) fn picture_hash(&self) -> Option<u64> {
        let Picture::File(part) = &self.picture else { return None };
        Some(picture::hash(part.bytes))
    }
}

enum Picture<'a> {
    File(Part<'a>),
    Url(String),
}

/// Reads a request by the two tables of arguments [seed].
pub(super) fn read(request: &Request, profile: Profile) -> Result<Asked<'_>, Failure> {
    let Some(kind) = request.header("content-type") else {
        return Err(Failure::plain(400, "Missing Content-Type"));
    };
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "multipart/form-data" => read_form(kind, request, profile),
        "application/json" => read_json(request, profile),
        _ => Err(Failure::plain(400, "Unsupported content type")),
    }
}

fn read_form<'a>(kind: &str, request: &'a Request, profile: Profile) -> Result<Asked<'a>, Failure> {
    let mut form = Form::default();
    for part in multipart::parse(kind, &request.body).map_err(|rule| Failure::plain(400, rule))? {
        if part.filename.is_some() {
            form.add_file(part)?;
        } else {
            form.add_key(field_key(&part, profile)?, profile)?;
        }
    }
    let file = form.file.ok_or_else(|| Failure::plain(400, "Image required"))?;
    Ok(Asked { user: form.named.map(|key| key.text().to_owned()), target: form.heeded, picture: Picture::File(file) })
}

/// A form as far as it was read.
#[derive(Default)]
struct Form<'a> {
    named: Option<Key>,
    heeded: Option<Key>,
    file: Option<Part<'a>>,
}

impl<'a> Form<'a> {
    fn add_file(&mut self, part: Part<'a>) -> Result<(), Failure> {
        if part.name != "image" {
            return Err(Failure::coded("invalid-field", "the file is not in the field image"));
        }
        match self.file.replace(part) {
            Some(_) => Err(Failure::plain(400, "Just 1 file is allowed")),
            None => Ok(()),
        }
    }

    /// The oldest servers heed no field, old ones those before the file [BACKENDS 4a and 4c].
    fn add_key(&mut self, key: Key, profile: Profile) -> Result<(), Failure> {
        let heeds = match profile {
            Profile::V0_68 => false,
            Profile::V3 => self.file.is_none(),
            Profile::V7 | Profile::V8 => true,
        };
        self.heeded = Some(key.clone()).filter(|_| heeds);
        match self.named.replace(key) {
            Some(_) => Err(invalid_parameters(profile, "userId or username, and not both or twice")),
            None => Ok(()),
        }
    }
}

fn field_key(part: &Part<'_>, profile: Profile) -> Result<Key, Failure> {
    let plain = part.content_type.as_deref().is_none_or(|kind| kind.to_ascii_lowercase().starts_with("text/plain"));
    match str::from_utf8(part.bytes) {
        Ok(value) if plain => Key::parse(&part.name, value, profile),
        _ => Err(invalid_parameters(profile, "a field that is no text")),
    }
}

fn read_json(request: &Request, profile: Profile) -> Result<Asked<'_>, Failure> {
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(&request.body) else {
        return Err(Failure::plain(400, "the body is no JSON object"));
    };
    let text = |value| match value {
        Value::String(text) => Ok(text),
        _ => Err(invalid_parameters(profile, "must be string")),
    };
    let url = fields.remove("avatarUrl").map(text).transpose()?;
    let mut target = None;
    for (name, value) in fields {
        if target.replace(Key::parse(&name, &text(value)?, profile)?).is_some() {
            return Err(invalid_parameters(profile, "userId or username, and not both"));
        }
    }
    let url = url.ok_or_else(|| Failure::plain(400, "Unsupported content type"))?;
    Ok(Asked { user: target.as_ref().map(|key| key.text().to_owned()), target, picture: Picture::Url(url) })
}

/// Carries out what was asked, as far as it is allowed.
pub(super) fn carry_out(asked: &Asked<'_>, workspace: &mut Workspace) -> Result<(), Failure> {
    if !workspace.change_allowed && !workspace.may_edit_others {
        return Err(Failure::coded("error-not-allowed", "Change avatar is not allowed"));
    }
    let user = resolve(asked, workspace)?;
    let bytes = match &asked.picture {
        Picture::File(part) => checked_file(part, workspace.file_max)?,
        Picture::Url(url) => fetched(url, workspace)?,
    };
    if picture::media_type(&bytes).is_none() {
        // The old picture goes before the new one is looked at [BACKENDS 4c].
        workspace.lose_picture(user);
        return Err(Failure::plain(400, "Input buffer contains unsupported image format"));
    }
    workspace.set_picture(user, bytes);
    Ok(())
}

fn resolve(asked: &Asked<'_>, workspace: &Workspace) -> Result<UserIndex, Failure> {
    let user = asked.target.as_ref().map_or(Ok(THE_CALLER), |key| key.find(workspace))?;
    match &asked.picture {
        _ if user == THE_CALLER || workspace.may_edit_others => Ok(user),
        Picture::File(_) => Err(Failure::coded("error-not-allowed", "Not allowed")),
        Picture::Url(_) => Err(Failure::MayNot),
    }
}

fn checked_file(part: &Part<'_>, max: usize) -> Result<Vec<u8>, Failure> {
    let wrong_type = || Failure::coded("error-invalid-file-type", "Invalid file type");
    let filename = part.filename.as_deref().unwrap_or_default();
    let (_, extension) = filename.rsplit_once('.').ok_or_else(wrong_type)?;
    let by_name = match extension.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        _ => return Err(wrong_type()),
    };
    // The type is derived from both, so both must say the same [BACKENDS 4a].
    if part.content_type.as_deref() != Some(by_name) {
        return Err(wrong_type());
    }
    if part.bytes.len() > max {
        return Err(Failure::coded("error-file-too-large", "File is too large"));
    }
    Ok(part.bytes.to_vec())
}

/// What the URL leads to [BACKENDS 4b]. A server of today goes to no private address that its setting `SSRF_Allowlist`
/// does not name [BACKENDS 4e]; here every URL has one.
fn fetched(url: &str, workspace: &Workspace) -> Result<Vec<u8>, Failure> {
    let invalid = |why: &str| Failure::coded("error-avatar-invalid-url", &format!("Invalid avatar URL: {url}: {why}"));
    if !workspace.private_urls_allowed {
        return Err(invalid("a private address"));
    }
    let fetched = fetch::get(url).map_err(|why| invalid(&why))?;
    match (fetched.status, fetched.header("content-type")) {
        (200, Some(kind)) if kind.starts_with("image/") => {}
        (200, _) => return Err(invalid("not of an image type")),
        (404, _) => return Err(invalid("not found")),
        _ => return Err(Failure::coded("error-avatar-url-handling", "Error while handling avatar setting from a URL")),
    }
    if fetched.body.len() > workspace.file_max {
        return Err(Failure::coded("error-avatar-image-too-large", "The image is too large"));
    }
    Ok(fetched.body)
}
