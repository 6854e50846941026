//! The media of an app: it takes uploads, keeps them, and gives them back. It knows no user.

use std::collections::BTreeSet;

use super::{
    super::{multipart, picture, reply::Reply, request::Request},
    Refusal, directory,
};

/// Everything that was uploaded.
#[derive(Default)]
pub(super) struct Media(Vec<Upload>);

/// Something that was uploaded.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(super) id: String,
    /// Where it lies, absolute.
    pub(crate) url: String,
    /// A hash of its bytes, as the log has it.
    pub(crate) picture: u64,
    /// Width and height.
    pub(crate) size: (usize, usize),
    /// None when it is gone.
    bytes: Option<Vec<u8>>,
}

impl Upload {
    /// The path of its URL.
    pub(super) fn path(&self) -> String {
        path(&self.id)
    }
}

/// A file that came in.
pub(super) struct File<'a> {
    pub(super) name: String,
    /// A hash of its bytes.
    pub(super) picture: u64,
    size: (usize, usize),
    bytes: &'a [u8],
}

/// Reads an upload: a form with the one part `file` [seed: step 1].
pub(super) fn read(request: &Request, max: usize) -> Result<File<'_>, Refusal> {
    let kind = request.header("content-type").unwrap_or_default();
    if kind.split(';').next().unwrap_or_default().trim() != "multipart/form-data" {
        return Err(Refusal::new(415, "an upload is multipart/form-data"));
    }
    let parts = multipart::parse(kind, &request.body).map_err(|rule| Refusal::new(400, rule))?;
    let Ok([part]) = <[_; 1]>::try_from(parts) else {
        return Err(Refusal::new(400, "one part is uploaded at a time"));
    };
    let (true, Some(name)) = (part.name == "file", part.filename) else {
        return Err(Refusal::new(400, "the file is in the part file, with its name"));
    };
    if part.bytes.len() > max {
        return Err(Refusal::new(413, "the file is too large"));
    }
    // The app takes more formats than those of which a size is found here [BACKENDS 1e], and nobody sends them.
    let found = picture::media_type(part.bytes).zip(picture::size(part.bytes));
    let (media_type, size) = found.ok_or_else(|| Refusal::new(415, "the file is no whole picture"))?;
    if part.content_type.as_deref() != Some(media_type) {
        return Err(Refusal::new(415, format!("the file is of the type {media_type}")));
    }
    Ok(File { name, picture: picture::hash(part.bytes), size, bytes: part.bytes })
}

impl Media {
    pub(super) fn keep(&mut self, file: &File<'_>, origin: &str) -> &Upload {
        let id = directory::object_id(0x2000 + self.0.len());
        self.0.push(Upload {
            url: format!("{origin}{}", path(&id)),
            id,
            picture: file.picture,
            size: file.size,
            bytes: Some(file.bytes.to_vec()),
        });
        self.0.last().expect("something was kept just now")
    }

    /// Throws away what does not lie under one of these URLs.
    pub(super) fn retain(&mut self, urls: &BTreeSet<String>) {
        for upload in self.0.iter_mut().filter(|upload| !urls.contains(&upload.url)) {
            upload.bytes = None;
        }
    }

    pub(super) fn uploads(&self) -> Vec<Upload> {
        self.0.clone()
    }

    /// What lies under an absolute URL.
    pub(super) fn bytes(&self, url: &str) -> Option<&[u8]> {
        self.0.iter().find(|upload| upload.url == url)?.bytes.as_deref()
    }

    /// Gives a picture back.
    pub(super) fn serve(&self, path: &str) -> Result<Reply, Refusal> {
        let found = self.0.iter().find(|upload| upload.path() == path).and_then(|upload| upload.bytes.as_deref());
        let bytes = found.ok_or_else(|| Refusal::new(404, "there is no such media"))?;
        let media_type = picture::media_type(bytes).expect("only pictures are kept");
        Ok(Reply::new(200, media_type, bytes.to_vec()))
    }
}

/// The form of the path of secure media [BACKENDS 1a, mode C].
fn path(id: &str) -> String {
    format!("/api/media/secure/external/v2/image/upload/{id}.jpg")
}
