//! The two calls that make a session, and the cookie that every other call carries. Logins are counted.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    super::{form, reply::Reply, request::Request},
    APP_ID, APP_PASSWORD, CALLER, PASSWORD, USERNAME,
    words::{self, Refusal},
};

/// Who may log in, how, and who has.
pub(super) struct Sessions {
    pub(super) v1: bool,
    pub(super) v2: bool,
    pub(super) password: String,
    valid: BTreeSet<String>,
    /// How often somebody tried, and how often that gave a session.
    pub(super) attempts: usize,
    pub(super) logins: usize,
}

/// What is asked for by a login.
struct Login {
    app_id: String,
    app_password: String,
    username: String,
    password: String,
}

impl Sessions {
    pub(super) fn new() -> Self {
        let (valid, password) = (BTreeSet::new(), PASSWORD.to_owned());
        Self { v1: true, v2: true, password, valid, attempts: 0, logins: 0 }
    }

    pub(super) fn expire(&mut self) {
        self.valid.clear();
    }

    /// `.api/api.svc/session/create`: a form, or the same in the query [BACKENDS 3a: v1].
    pub(super) fn create_v1(&mut self, query: &str, request: &Request) -> Result<Reply, Refusal> {
        if !self.v1 {
            return Err(Refusal::new(404, "there is no such login"));
        }
        self.attempts += 1;
        let key = self.log_in(&Login::of_form(query, request)?)?;
        let address = request.header("host").unwrap_or_default();
        let session = json!({
            "__type": "Session:http://schemas.iglooplatform.com/Igloo.Old.Common", "applicationId": APP_ID,
            "communityId": "6af35e09-e371-4903-a4e6-d9cc9d4e3953", "userId": CALLER,
            "secretKey": "618c5ed8-e265-401e-8609-dbfacd02b0b0", "sessionKey": key,
            "baseUri": format!("http://{address}/.api/api.svc/"), "customSessionKey": "", "authInstance": null,
            "tenantId": "TID",
        });
        Ok(words::response(session, request))
    }

    /// `.api2/api/Session/Create`: JSON [BACKENDS 3a: v2].
    pub(super) fn create_v2(&mut self, request: &Request) -> Result<Reply, Refusal> {
        if !self.v2 {
            return Err(Refusal::new(404, "there is no such login"));
        }
        self.attempts += 1;
        let key = self.log_in(&Login::of_json(request)?)?;
        Ok(Reply::json(200, &json!({ "TokenId": key })))
    }

    /// The app id is a GUID [BACKENDS 3b: InputFormat]. In which words wrong credentials are refused is [unverified].
    fn log_in(&mut self, login: &Login) -> Result<String, Refusal> {
        if super::guid(&login.app_id).is_none() {
            return Err(Refusal::parameter("appId"));
        }
        let asked = [&login.app_id, &login.app_password, &login.username, &login.password];
        if asked != [APP_ID, APP_PASSWORD, USERNAME, self.password.as_str()] {
            return Err(Refusal::new(401, "the credentials are wrong"));
        }
        self.logins += 1;
        let key = format!("cc2ba556-6d29-4091-96ce-{:012x}", self.logins);
        self.valid.insert(key.clone());
        Ok(key)
    }

    /// `Cookie: iglooauth={key}`; another spelling of the name occurs as well [BACKENDS 3a].
    pub(super) fn check(&self, request: &Request) -> Result<(), Refusal> {
        let cookies = request.header("cookie").unwrap_or_default().split("; ");
        let named = cookies.filter_map(|cookie| cookie.split_once('='));
        let keys: Vec<_> = named.filter(|(name, _)| ["iglooauth", "iglooAuth"].contains(name)).collect();
        match keys.as_slice() {
            [(_, key)] if self.valid.contains(*key) => Ok(()),
            _ => Err(Refusal::new(401, "there is no session")),
        }
    }
}

impl Login {
    fn of_form(query: &str, request: &Request) -> Result<Self, Refusal> {
        let text = match (query.is_empty(), request.body.is_empty()) {
            (false, true) => query,
            (true, false) if request.header("content-type") == Some("application/x-www-form-urlencoded") => {
                str::from_utf8(&request.body).map_err(|_| Refusal::new(400, "the form is no text"))?
            }
            _ => return Err(Refusal::new(400, "the login is not in a form, or in the query")),
        };
        let mut fields = form::parse(text).map_err(|why| Refusal::new(400, why))?;
        // The domain without https [BACKENDS 3a: the vendor's page on authenticating].
        let host = request.header("host").unwrap_or_default();
        let domain = host.rsplit_once(':').map_or(host, |(domain, _)| domain);
        for (name, wanted) in [("apiversion", "1"), ("community", domain)] {
            if fields.remove(name).as_deref() != Some(wanted) {
                return Err(Refusal::parameter(name));
            }
        }
        let mut take = |name| fields.remove(name).ok_or_else(|| Refusal::parameter(name));
        let login = Self {
            app_id: take("appId")?,
            app_password: take("appPass")?,
            username: take("username")?,
            password: take("password")?,
        };
        if fields.is_empty() { Ok(login) } else { Err(Refusal::new(400, "a field that no login has")) }
    }

    fn of_json(request: &Request) -> Result<Self, Refusal> {
        let mut fields = super::json_object(request)?;
        for (name, wanted) in [("instance", 0), ("version", 1)] {
            if fields.remove(name) != Some(wanted.into()) {
                return Err(Refusal::parameter(name));
            }
        }
        let mut take = |name| match fields.remove(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(Refusal::parameter(name)),
        };
        let login = Self {
            app_id: take("AppId")?,
            app_password: take("AppPassword")?,
            username: take("UserName")?,
            password: take("UserPassword")?,
        };
        if fields.is_empty() { Ok(login) } else { Err(Refusal::new(400, "a field that no login has")) }
    }
}
