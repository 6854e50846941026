//! A Staffbase app, and for one of its modes a media server beside it.

use std::{fs, sync::Arc};

use super::{Never, OtherCase, Remote, Settings, Shown, Stand, Trouble, Wire, has, one, publish, setting};
use crate::{
    simulators::{
        faults::Fault,
        fetch,
        gallery::Gallery,
        simulator::Seen,
        staffbase::{Size, Staffbase, TOKEN},
    },
    world::World,
};

/// Stands for the address of a media server in the settings.
pub(super) const MEDIA_SERVER: &str = "http://media.server/{remote}/{rendition}.jpg";

/// The image types of an avatar, as the renditions are named.
const SIZES: [(&str, Size); 3] = [("original", Size::Original), ("thumb", Size::Thumb), ("icon", Size::Icon)];

struct App {
    app: Staffbase,
    settings: Settings,
    media_server: Gallery,
}

pub(super) fn stand(settings: Settings) -> Arc<dyn Stand> {
    let app = Staffbase::start();
    app.allow_domain("127.0.0.1");
    Arc::new(App { app, settings, media_server: Gallery::open() })
}

/// The id of the user whom the app gives one at the so-manieth place.
fn id(user: u32) -> String {
    format!("5db0221d0a09a219{:08x}", 0x1000 + user)
}

impl App {
    fn by_external_id(&self) -> bool {
        has(self.settings, "user", "external-id")
    }

    fn uploads(&self) -> bool {
        !has(self.settings, "mode", "urls")
    }

    fn has_media_server(&self) -> bool {
        has(self.settings, "urls", MEDIA_SERVER)
    }

    fn shows_what_is_published(&self) -> bool {
        !self.uploads() && !self.has_media_server()
    }

    /// Where the media server has a picture.
    fn place(&self, user: u32, rendition: &str) -> String {
        format!("/{}/{rendition}.jpg", self.name(user))
    }

    fn fetched(&self, user: u32, rendition: &str, url: &str) -> Option<Vec<u8>> {
        if !self.has_media_server() {
            return Some(fetch::get(url).unwrap_or_else(|why| panic!("{url}: {why}")).body);
        }
        assert_eq!(url, format!("{}{}", self.media_server.url(), self.place(user, rendition)));
        // The smaller ones are nothing that portraitd makes.
        (rendition == "original").then(|| fetch::get(url).unwrap().body)
    }
}

fn uploads(seen: &Seen) -> bool {
    seen.path == "/api/media"
}

fn updates(seen: &Seen) -> bool {
    seen.method == "POST" && seen.path.starts_with("/api/users/")
}

impl Stand for App {
    fn configure(&self, world: &mut World, backend: &str) {
        world.set(&setting(backend, "base-url"), self.app.url());
        let token = world.path(format!("{backend}-token"));
        fs::write(&token, TOKEN).unwrap();
        world.set(&setting(backend, "token.file"), token.to_str().unwrap());
        if self.shows_what_is_published() {
            publish(world);
        }
        if self.has_media_server() {
            let urls = MEDIA_SERVER.replace("http://media.server", &self.media_server.url());
            world.set(&setting(backend, "urls"), urls);
        }
    }

    fn remote(&self) -> Result<&dyn Remote, Never> {
        Ok(self)
    }

    fn name(&self, user: u32) -> String {
        if self.by_external_id() { format!("user{user}") } else { id(user) }
    }

    fn add(&self, user: u32) {
        assert_eq!(self.app.add_user(&format!("user{user}")), id(user), "the app gave another id");
    }

    fn add_twin(&self, user: u32) -> Result<(), Never> {
        match self.by_external_id() {
            true => {
                self.app.add_user(&self.name(user));
                Ok(())
            }
            false => Err("users are named by their ids, and nobody is looked up"),
        }
    }

    fn in_other_case(&self, user: u32) -> Result<OtherCase, Never> {
        Ok(OtherCase { name: self.name(user).to_uppercase(), is_same: !self.by_external_id() })
    }

    fn supply(&self, user: u32, renditions: &dyn Fn() -> Shown) {
        if self.has_media_server() {
            for (name, picture) in renditions() {
                self.media_server.hang(&self.place(user, &name), "image/jpeg", &picture);
            }
        }
    }

    fn shown(&self, user: u32) -> Shown {
        let urls = self.app.avatar_urls(&id(user));
        let told = SIZES.iter().filter_map(|(name, size)| Some((*name, *size, urls.get(size)?)));
        let shown = told.flat_map(|(name, size, url)| match self.uploads() {
            true => one(name, self.app.picture(&id(user), size)),
            false => one(name, self.fetched(user, name, url)),
        });
        shown.collect()
    }

    fn shows_what_is_served(&self) -> bool {
        self.shows_what_is_published()
    }
}

impl Remote for App {
    fn wire(&self) -> &dyn Wire {
        &self.app
    }

    fn taken(&self) -> usize {
        match self.uploads() {
            true => self.app.uploads().len(),
            false => self.app.seen().iter().filter(|seen| updates(seen) && seen.was_carried_out()).count(),
        }
    }

    fn taken_by_delivery(&self) -> usize {
        if self.uploads() && !has(self.settings, "sizes", "original-only") { SIZES.len() } else { 1 }
    }

    fn brings(&self, seen: &Seen) -> bool {
        if self.uploads() { uploads(seen) } else { updates(seen) }
    }

    fn set_credentials_known(&self, known: bool) {
        self.app.set_token(if known { TOKEN } else { "another" });
    }

    fn own_changes(&self) -> usize {
        self.app.own_updates()
    }

    fn hostile_names(&self) -> Vec<String> {
        let id = id(1);
        let of_an_id =
            [format!("{id}0"), id[1..].to_owned(), format!("{id} {id}"), format!("{id}/../me"), format!("{id}?a=b")];
        let more = ["search", "PORTRAITD", "USER1", "\" or externalId pr or externalId eq \"", "user1\" or id pr"];
        of_an_id.into_iter().chain(more.map(str::to_owned)).collect()
    }

    /// An external id is a value in the filter of a search.
    fn may_ask(&self, seen: &Seen) -> bool {
        let is_lookup = self.by_external_id() && seen.path.starts_with("/api/users/search?filter=");
        seen.method == "GET" && (is_lookup || seen.path == "/api/users?limit=1")
    }

    fn troubles(&self) -> Vec<Trouble<'_>> {
        if !self.uploads() {
            return Vec::new();
        }
        let gone = |what, status| {
            Trouble::new(what, Fault::Status(500), updates)
                .before(move || self.app.set_manners(|manners| manners.gone_status = status))
                .meanwhile(|| self.app.lose_unused_media())
                .costs(self.taken_by_delivery())
        };
        vec![gone("uploads are gone before the update, says a 400", 400), gone("the same, says a 404", 404)]
    }
}
