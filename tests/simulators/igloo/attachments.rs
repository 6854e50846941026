//! The three calls of a photo: an entry, its bytes, and whose photo it becomes. An entry takes bytes only where those that
//! it has end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    super::{picture, reply::Reply, request::Request},
    COMMUNITY,
    words::Refusal,
};

/// A type as it stands in requests, and what such a picture is.
type Kind = (&'static str, &'static str);

/// The types that the document lists [seed: Content-Type].
const LISTED: [Kind; 3] = [("image/jpg", "image/jpeg"), ("image/png", "image/png"), ("image/gif", "image/gif")];
/// Whether the registered type of a JPEG is taken as well is [unverified].
const REGISTERED: Kind = ("image/jpeg", "image/jpeg");

/// In which form the key of a new entry is told: the document says only that a header has it [seed; BACKENDS 3b].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Absolute,
    Rooted,
    Bare,
}

/// What is said of the bytes that an entry holds: that it can be asked is documented, and not how [BACKENDS 3a].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    /// By 308 and `Range`, to whoever asks with `bytes */total`, and after each part.
    Told,
    /// Such a question is refused.
    Untold,
}

/// The entries of a workplace, and its manners.
pub(super) struct Attachments {
    pub(super) location: Location,
    pub(super) counts: Counts,
    /// How many associations of an entry come too early, and the status that says so.
    pub(super) early: (usize, u16),
    kinds: Vec<Kind>,
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    length: u64,
    kind: Kind,
    name: String,
    bytes: Vec<u8>,
    /// How often it was to become a photo since it is complete.
    asked: usize,
    is_photo: bool,
    /// It is as if it had never been there.
    is_gone: bool,
}

impl Attachments {
    pub(super) fn new() -> Self {
        let (kinds, entries) = (LISTED.to_vec(), BTreeMap::new());
        Self { location: Location::Rooted, counts: Counts::Untold, early: (0, 409), kinds, entries }
    }

    pub(super) fn take_registered_type(&mut self) {
        self.kinds.push(REGISTERED);
    }

    /// `POST attachments` [seed: create an upload entry]. That the body is JSON is [unverified].
    pub(super) fn create(&mut self, request: &Request) -> Result<Reply, Refusal> {
        let entry = Entry::asked_for(request, &self.kinds)?;
        let key = key(self.entries.len());
        self.entries.insert(key.clone(), entry);
        let path = format!("/.api2/api/v1/communities/{COMMUNITY}/attachments/uploads/{key}");
        let location = match self.location {
            Location::Absolute => format!("http://{}{path}", request.header("host").unwrap_or_default()),
            Location::Rooted => path,
            Location::Bare => key,
        };
        Ok(Reply::text(201, "").with("Location", location))
    }

    /// `PATCH attachments/uploads/{key}` [seed: upload file to an attachment entry; BACKENDS 3a: Content-Range].
    pub(super) fn upload(&mut self, key: &str, request: &Request) -> Result<Reply, Refusal> {
        let (counts, part) = (self.counts, Part::of(request, &self.kinds)?);
        let entry = self.entry(key)?;
        entry.check(&part)?;
        match part.range {
            None if counts == Counts::Told => return Ok(entry.count()),
            None => return Err(Refusal::new(400, "a Content-Range without bytes")),
            Some((first, last)) => entry.append(first, last, &request.body)?,
        }
        match (entry.is_complete(), counts) {
            (true, _) if entry.is_picture() => Ok(Reply::json(200, &entry.shown(key))),
            (true, _) => Err(Refusal::new(415, "the bytes are no picture of this type")),
            // What is said between the parts is [unverified].
            (false, Counts::Told) => Ok(entry.count()),
            (false, Counts::Untold) => Ok(Reply::text(200, "")),
        }
    }

    /// Keeps what came of a part before its connection broke.
    pub(super) fn keep(&mut self, key: &str, cut: &Request) {
        let Ok(Part { range: Some((first, _)), .. }) = Part::of(cut, &self.kinds) else { return };
        if let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.held() == first) {
            entry.bytes.extend(&cut.body);
        }
    }

    /// The bytes of an entry that may become somebody's photo [seed: attach the uploaded file to a user profile].
    pub(super) fn ready(&mut self, key: &str) -> Result<Vec<u8>, Refusal> {
        let (count, status) = self.early;
        let entry = self.entry(key)?;
        if !entry.is_complete() {
            return Err(Refusal::new(409, "the entry is not complete"));
        }
        entry.asked += 1;
        // A scan runs on uploads; how long, and what is said before its end, is [unverified].
        if entry.asked <= count {
            return Err(Refusal::new(status, "the entry is not looked through yet"));
        }
        entry.is_photo = true;
        Ok(entry.bytes.clone())
    }

    /// Lets every entry be gone.
    pub(super) fn lose_all(&mut self) {
        self.entries.values_mut().for_each(|entry| entry.is_gone = true);
    }

    fn entry(&mut self, key: &str) -> Result<&mut Entry, Refusal> {
        let entry = self.entries.get_mut(key).filter(|entry| !entry.is_gone);
        entry.ok_or_else(|| Refusal::new(404, "there is no such entry"))
    }

    pub(super) fn counted(&self) -> Entries {
        let count = |is: fn(&Entry) -> bool| self.entries.values().filter(|entry| is(entry)).count();
        let complete = self.entries.values().filter(|entry| entry.is_complete());
        let pictures: BTreeSet<_> = complete.map(|entry| picture::hash(&entry.bytes)).collect();
        Entries {
            made: self.entries.len(),
            complete: count(Entry::is_complete),
            pictures: pictures.len(),
            orphans: count(|entry| !entry.is_photo),
        }
    }
}

/// How many entries there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entries {
    pub(crate) made: usize,
    pub(crate) complete: usize,
    /// Those of the complete ones that differ.
    pub(crate) pictures: usize,
    /// Those that became nobody's photo.
    pub(crate) orphans: usize,
}

impl Entry {
    fn asked_for(request: &Request, kinds: &[Kind]) -> Result<Self, Refusal> {
        let mut fields = super::json_object(request)?;
        let wrong = |name| Refusal::new(400, format!("{name} is missing or wrong"));
        let mut text = |name| match fields.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            _ => Err(wrong(name)),
        };
        let (kind, name) = (listed(&text("ContentType")?, kinds)?, text("Name")?);
        let length = fields.remove("ContentLength").and_then(|length| length.as_u64()).filter(|length| *length > 0);
        let length = length.ok_or_else(|| wrong("ContentLength"))?;
        if !fields.is_empty() {
            return Err(Refusal::new(400, "a field that no entry has"));
        }
        Ok(Self { length, kind, name, bytes: Vec::new(), asked: 0, is_photo: false, is_gone: false })
    }

    fn check(&self, part: &Part) -> Result<(), Refusal> {
        if self.kind != part.kind {
            return Err(Refusal::new(415, "the Content-Type is not that of the entry"));
        }
        if self.length != part.total {
            return Err(Refusal::new(416, "the total is not the ContentLength of the entry"));
        }
        Ok(())
    }

    fn append(&mut self, first: u64, last: u64, bytes: &[u8]) -> Result<(), Refusal> {
        if first != self.held() {
            return Err(Refusal::new(416, "the range does not begin where the entry ends"));
        }
        if last >= self.length || last.checked_sub(first).map(|more| more + 1) != Some(bytes.len() as u64) {
            return Err(Refusal::new(416, "the range is not that of the body"));
        }
        self.bytes.extend(bytes);
        Ok(())
    }

    fn held(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn is_complete(&self) -> bool {
        self.held() == self.length
    }

    fn is_picture(&self) -> bool {
        picture::media_type(&self.bytes) == Some(self.kind.1)
    }

    fn count(&self) -> Reply {
        let reply = Reply::text(308, "");
        if self.bytes.is_empty() { reply } else { reply.with("Range", format!("bytes=0-{}", self.held() - 1)) }
    }

    fn shown(&self, key: &str) -> Value {
        json!({
            "key": key, "contentLength": self.length, "contentType": self.kind.0, "name": self.name,
            "binaryLocation": format!("/.api2/binaries/{key}/download/{}", self.name),
            "thumbnailLocation": format!("/.api2/binaries/{key}/thumbnails/{}", self.name), "isProfilePhoto": false,
        })
    }
}

/// The head of a part of a picture.
struct Part {
    kind: Kind,
    /// The first byte and the last one; none for a question.
    range: Option<(u64, u64)>,
    total: u64,
}

impl Part {
    fn of(request: &Request, kinds: &[Kind]) -> Result<Self, Refusal> {
        if request.header("content-length").is_none() {
            return Err(Refusal::new(411, "no Content-Length"));
        }
        let kind = listed(request.header("content-type").unwrap_or_default(), kinds)?;
        let range = request.header("content-range").ok_or_else(|| Refusal::new(400, "no Content-Range"))?;
        let (range, total) = read_range(range).ok_or_else(|| Refusal::new(400, "a Content-Range of another form"))?;
        Ok(Self { kind, range, total })
    }
}

/// `bytes first-last/total`, or `bytes */total`: in this case and with this one space.
fn read_range(text: &str) -> Option<(Option<(u64, u64)>, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let range = match range {
        "*" => None,
        range => {
            let (first, last) = range.split_once('-')?;
            Some((number(first)?, number(last)?))
        }
    };
    Some((range, number(total)?))
}

fn listed(content_type: &str, kinds: &[Kind]) -> Result<Kind, Refusal> {
    let found = kinds.iter().find(|(name, _)| *name == content_type);
    found.copied().ok_or_else(|| Refusal::new(415, "a Content-Type that is not in the list"))
}

/// The key of the so-manieth entry: ten letters and digits [seed; BACKENDS 3b].
fn key(number: usize) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    // Odd, so that the numbers stay apart, and far from each other.
    let mut rest = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let letter = |_| {
        let letter = LETTERS[(rest % 62) as usize];
        rest /= 62;
        char::from(letter)
    };
    (0..10).map(letter).collect()
}
