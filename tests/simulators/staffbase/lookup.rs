//! Who users are, in the forms that are known of several generations of apps [BACKENDS 1d]. It changes nobody.

use serde_json::{Value, json};

use super::{
    super::{form, reply::Reply, request::Request},
    Refusal,
    directory::{Directory, User},
};

const SEARCH_TYPE: &str = "application/vnd.staffbase.accessors.users-search.v1+json";
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// A form in which users are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// A search that wraps each user in an entry.
    Search,
    /// A search that answers as the list does.
    SearchAsList,
    /// No search; the list takes a filter.
    ListOnly,
    /// No search, and a list that heeds no filter.
    Unfiltered,
}

impl Lookup {
    /// `GET /users/search`
    pub(super) fn search(self, query: &str, request: &Request, directory: &Directory) -> Result<Reply, Refusal> {
        if matches!(self, Self::ListOnly | Self::Unfiltered) {
            // It is a user's id for an app without a search.
            return Err(Refusal::new(404, "there is no such user"));
        }
        if request.header("accept") != Some(SEARCH_TYPE) {
            return Err(Refusal::new(406, "the search answers in its own type only"));
        }
        let asked = Asked::read(query, &["filter", "limit"])?;
        if self == Self::SearchAsList {
            return Ok(asked.list(directory.users()));
        }
        let (total, page) = asked.page(directory.users());
        // The versioned API spells the external id otherwise.
        let entry = |user: &&User| json!({ "data": { "id": user.id(), "externalId": user.external_id } });
        Ok(Reply::json(200, &json!({ "total": total, "entries": page.iter().map(entry).collect::<Vec<_>>() })))
    }

    /// `GET /users`
    pub(super) fn list(self, query: &str, directory: &Directory) -> Result<Reply, Refusal> {
        let mut asked = Asked::read(query, &["filter", "limit", "offset"])?;
        if self == Self::Unfiltered {
            asked.filter = None;
        }
        Ok(asked.list(directory.users()))
    }
}

/// The external id that a query asks for.
pub(super) fn asked_for(query: &str) -> Option<String> {
    Asked::read(query, &["filter", "limit", "offset"]).ok()?.filter.map(|filter| filter.value)
}

/// What a query asks for.
struct Asked {
    filter: Option<Filter>,
    limit: usize,
    offset: usize,
}

/// A comparison of the external id, with `eq` or `co`.
struct Filter {
    is_exact: bool,
    value: String,
}

impl Asked {
    fn read(query: &str, allowed: &[&str]) -> Result<Self, Refusal> {
        let mut asked = Self { filter: None, limit: LIMIT, offset: 0 };
        for field in query.split('&').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let value =
                form::decoded(value).ok_or_else(|| Refusal::new(400, "the query is not encoded as it should be"))?;
            let number = || value.parse().map_err(|_| Refusal::new(400, format!("{name} is no number")));
            match name {
                _ if !allowed.contains(&name) => {
                    return Err(Refusal::new(400, format!("the parameter {name} is unknown")));
                }
                "filter" => asked.filter = Some(Filter::read(&value)?),
                "limit" => asked.limit = number()?,
                _ => asked.offset = number()?,
            }
        }
        match asked.limit {
            1..=LIMIT_MAX => Ok(asked),
            _ => Err(Refusal::new(400, "limit is not 1 to 1000")),
        }
    }

    fn list(&self, users: &[User]) -> Reply {
        let (total, page) = self.page(users);
        let data: Vec<Value> = page.iter().map(|user| user.as_json()).collect();
        Reply::json(200, &json!({ "total": total, "limit": self.limit, "offset": self.offset, "data": data }))
    }

    /// How many users there are, and those that are shown of them.
    fn page<'a>(&self, users: &'a [User]) -> (usize, Vec<&'a User>) {
        let found: Vec<_> =
            users.iter().filter(|user| self.filter.as_ref().is_none_or(|filter| filter.fits(user))).collect();
        (found.len(), found.into_iter().skip(self.offset).take(self.limit).collect())
    }
}

impl Filter {
    /// `externalId eq "4711"`: names and operators in any case, the value a JSON string (RFC 7644, section 3.4.2.2).
    fn read(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::new(400, "the filter does not follow its grammar");
        let (attribute, rest) = text.split_once(' ').ok_or_else(wrong)?;
        let (operator, value) = rest.split_once(' ').ok_or_else(wrong)?;
        let is_exact = match operator.to_ascii_lowercase().as_str() {
            "eq" => true,
            "co" => false,
            _ => return Err(wrong()),
        };
        if !attribute.eq_ignore_ascii_case("externalId") || !value.starts_with('"') {
            return Err(wrong());
        }
        Ok(Self { is_exact, value: serde_json::from_str(value).map_err(|_| wrong())? })
    }

    /// Case is ignored, as RFC 7643, section 2.2, has it for whatever does not say otherwise.
    fn fits(&self, user: &User) -> bool {
        let (have, want) = (user.external_id.to_lowercase(), self.value.to_lowercase());
        if self.is_exact { have == want } else { have.contains(&want) }
    }
}
