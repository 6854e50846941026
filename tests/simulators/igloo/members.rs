//! The members of a workplace: who there is, what their photos are, and the search for them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::{form, reply::Reply, request::Request},
    words::{self, Refusal},
};

/// What a member without a photo shows: as many bytes as in the one sample that is known [BACKENDS 3d].
const DEFAULT_PHOTO: usize = 4_698;
/// How many hits a page has that asks for no number [BACKENDS 3d].
const ROWS: usize = 10;
/// What a search may say.
const PARAMETERS: [&str; 6] = ["q", "rows", "page", "hl", "groupIds", "qType"];

#[derive(Default)]
pub(super) struct Members {
    members: BTreeMap<String, Member>,
}

struct Member {
    email: String,
    photo: Option<Vec<u8>>,
}

impl Members {
    /// Adds a member under an object id, in lower case.
    pub(super) fn add(&mut self, guid: &str, email: &str) {
        let member = Member { email: email.to_owned(), photo: None };
        assert!(self.members.insert(guid.to_owned(), member).is_none(), "{guid} is there already");
    }

    pub(super) fn remove(&mut self, guid: &str) {
        assert!(self.members.remove(guid).is_some(), "{guid} is not there");
    }

    pub(super) fn has(&self, guid: &str) -> bool {
        self.members.contains_key(guid)
    }

    pub(super) fn set_photo(&mut self, guid: &str, photo: Option<Vec<u8>>) {
        self.members.get_mut(guid).expect("whoever is no member was refused").photo = photo;
    }

    pub(super) fn photo(&self, guid: &str) -> Option<Vec<u8>> {
        self.members.get(guid)?.photo.clone()
    }

    pub(super) fn photos(&self) -> BTreeMap<String, Vec<u8>> {
        let photos = self.members.iter().filter_map(|(guid, member)| Some((guid.clone(), member.photo.clone()?)));
        photos.collect()
    }

    /// `download-profile/{guid}/profile/crxlarge`: the photo, or the picture for those who have none [BACKENDS 3d].
    pub(super) fn download(&self, guid: &str) -> Result<Reply, Refusal> {
        let member = self.members.get(guid).ok_or_else(|| Refusal::new(404, "there is no such user"))?;
        let default = || [&b"\x89PNG\r\n\x1a\n"[..], &[0; DEFAULT_PHOTO - 16], b"IEND\xae\x42\x60\x82"].concat();
        Ok(match &member.photo {
            Some(photo) => Reply::new(200, "image/jpeg", photo.clone()),
            None => Reply::new(200, "image/png", default()),
        })
    }

    /// `search/members?q=&rows=&page=`: names and addresses in part, object ids as they are, and `*` for everybody
    /// [BACKENDS 3d; the collection's page on member search].
    pub(super) fn search(&self, query: &str, request: &Request) -> Result<Reply, Refusal> {
        let fields = form::parse(query).map_err(|why| Refusal::new(400, why))?;
        if fields.keys().any(|name| !PARAMETERS.contains(&name.as_str())) {
            return Err(Refusal::new(400, "a parameter that no search has"));
        }
        let number = |name: &'static str, default: usize| match fields.get(name).map(|text| text.parse()) {
            Some(Ok(number @ 1..)) => Ok(number),
            None => Ok(default),
            _ => Err(Refusal::parameter(name)),
        };
        let (rows, page) = (number("rows", ROWS)?, number("page", 1)?);
        let asked = fields.get("q").filter(|asked| !asked.is_empty()).ok_or_else(|| Refusal::parameter("q"))?;
        let found = self.found(&asked.to_lowercase());
        let hits: Vec<Value> = found.into_iter().skip((page - 1) * rows).take(rows).collect();
        let results = json!({
            "__type": "SearchResults:http://schemas.iglooplatform.com/Igloo.Old.Common",
            "count": hits.len(), "facets": [], "hit": hits,
        });
        Ok(words::response(json!({ "name": "results", "value": results }), request))
    }

    /// Whoever fits best comes first, and then all who have a word of it.
    fn found(&self, asked: &str) -> Vec<Value> {
        let ids: Vec<&str> = asked.split(',').collect();
        let words: Vec<&str> = asked.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2).collect();
        let fits = |guid: &str, member: &Member| {
            let email = member.email.to_lowercase();
            ids.contains(&guid) || asked == "*" || words.iter().any(|word| email.contains(word))
        };
        let mut found: Vec<_> = self.members.iter().filter(|(guid, member)| fits(guid, member)).collect();
        found.sort_by_key(|(guid, member)| !ids.contains(&guid.as_str()) && !member.email.eq_ignore_ascii_case(asked));
        found.into_iter().map(|(guid, member)| member.hit(guid)).collect()
    }
}

impl Member {
    fn hit(&self, guid: &str) -> Value {
        let name = self.email.split('@').next().unwrap_or_default();
        json!({
            "__type": "ExtendedMemberHit:#Igloo.Old.Common.Search", "hasImage": self.photo.is_some(), "id": guid,
            "namespace": name, "Highlights": [], "email": self.email,
            "name": { "firstName": name, "lastName": "Example", "fullName": format!("{name} Example"), "initials": "E" },
        })
    }
}
