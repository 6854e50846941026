//! An Igloo digital workplace.

use std::{fs, sync::Arc};

use super::{Logins, Never, OtherCase, Remote, Settings, Shown, Stand, Trouble, Wire, has, one, setting};
use crate::{
    simulators::{
        faults::Fault,
        igloo::{APP_ID, APP_PASSWORD, CALLER, COMMUNITY, Counts, Igloo, PASSWORD, USERNAME},
        simulator::Seen,
    },
    world::World,
};

struct Workplace {
    igloo: Igloo,
    settings: Settings,
}

pub(super) fn stand(settings: Settings) -> Arc<dyn Stand> {
    let igloo = Igloo::start();
    if has(settings, "content-type", "image/jpeg") {
        igloo.take_registered_type();
    }
    Arc::new(Workplace { igloo, settings })
}

fn guid(user: u32) -> String {
    format!("5f1c3c4e-77d8-4a3a-9d0b-{user:012x}")
}

fn email(user: u32) -> String {
    format!("user{user}@example.com")
}

impl Workplace {
    fn by_email(&self) -> bool {
        has(self.settings, "user", "email")
    }
}

fn is_part(seen: &Seen) -> bool {
    seen.method == "PATCH"
}

fn is_login(seen: &Seen) -> bool {
    ["/.api/api.svc/session/create", "/.api2/api/Session/Create"].contains(&seen.path.as_str())
}

impl Stand for Workplace {
    fn configure(&self, world: &mut World, backend: &str) {
        world.set(&setting(backend, "base-url"), self.igloo.url());
        world.set(&setting(backend, "community-key"), i64::try_from(COMMUNITY).unwrap());
        for (key, text) in [("app-id", APP_ID), ("username", USERNAME)] {
            world.set(&setting(backend, key), text);
        }
        for (key, secret) in [("app-password", APP_PASSWORD), ("password", PASSWORD)] {
            let file = world.path(format!("{backend}-{key}"));
            fs::write(&file, secret).unwrap();
            world.set(&setting(backend, &format!("{key}.file")), file.to_str().unwrap());
        }
    }

    fn remote(&self) -> Result<&dyn Remote, Never> {
        Ok(self)
    }

    fn name(&self, user: u32) -> String {
        if self.by_email() { email(user) } else { guid(user) }
    }

    fn add(&self, user: u32) {
        self.igloo.add_member(&guid(user), &email(user));
    }

    fn add_twin(&self, user: u32) -> Result<(), Never> {
        match self.by_email() {
            true => {
                self.igloo.add_member(&guid(user + 0x1000), &email(user));
                Ok(())
            }
            false => Err("users are named by their ids, and nobody is looked up"),
        }
    }

    fn in_other_case(&self, user: u32) -> Result<OtherCase, Never> {
        Ok(OtherCase { name: self.name(user).to_uppercase(), is_same: true })
    }

    fn shown(&self, user: u32) -> Shown {
        one("photo", self.igloo.picture(&guid(user)))
    }
}

impl Remote for Workplace {
    fn wire(&self) -> &dyn Wire {
        &self.igloo
    }

    fn taken(&self) -> usize {
        self.igloo.entries().complete
    }

    fn brings(&self, seen: &Seen) -> bool {
        is_part(seen)
    }

    fn logins(&self) -> Option<Logins> {
        let unanswered = |seen: &&Seen| is_login(seen) && seen.was_carried_out() && !seen.was_answered();
        let unanswered = self.igloo.seen().iter().filter(unanswered).count();
        Some(Logins { answered: self.igloo.logins() - unanswered, unanswered })
    }

    fn set_credentials_known(&self, known: bool) {
        self.igloo.set_password(if known { PASSWORD } else { "another" });
    }

    fn own_changes(&self) -> usize {
        usize::from(self.igloo.picture(CALLER).is_some())
    }

    fn hostile_names(&self) -> Vec<String> {
        let (id, address) = (guid(1), email(1));
        let nobody = "00000000-0000-0000-0000-000000000000".to_owned();
        let other_kind =
            if self.by_email() { [CALLER.to_owned(), id.clone()] } else { [USERNAME.to_owned(), address.clone()] };
        let more = [
            nobody,
            format!("{{{id}}}"),
            format!("{id}?type=Other"),
            format!("{id}/../{CALLER}"),
            id.replace('-', ""),
            format!("{address} x"),
            format!("{address},portraitd@example.com"),
            "@example.com".to_owned(),
            "*@example.com".to_owned(),
            "user@example.com".to_owned(),
        ];
        other_kind.into_iter().chain(more).collect()
    }

    /// An address is what the member search looks for.
    fn may_ask(&self, seen: &Seen) -> bool {
        let is_search = self.by_email() && seen.path.starts_with("/.api/api.svc/search/members?q=");
        is_search || is_login(seen) || seen.path == "/.api/api.svc/community/view"
    }

    fn troubles(&self) -> Vec<Trouble<'_>> {
        let told = || self.igloo.set_counts(Counts::Told);
        let untold = || self.igloo.set_counts(Counts::Untold);
        vec![
            Trouble::new("a break within a part, half of it kept and told", Fault::ResetWithin, is_part).before(told),
            Trouble::new("a break within a part, half of it kept and not told", Fault::ResetWithin, is_part)
                .before(untold),
            Trouble::new("a break before a part, nothing of it kept", Fault::ResetUnread, is_part).before(told),
            Trouble::new("a session that is over", Fault::Status(401), is_part),
        ]
    }
}
