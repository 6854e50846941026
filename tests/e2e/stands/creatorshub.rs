//! An instance of CreatorsHub.

use std::{fs, sync::Arc};

use super::{Never, OtherCase, Remote, Settings, Shown, Stand, Trouble, Wire, has, one, publish, setting};
use crate::{
    simulators::{
        creatorshub::{CreatorsHub, Paths, TOKEN},
        faults::Fault,
        simulator::Seen,
    },
    world::World,
};

struct Instance {
    hub: CreatorsHub,
    settings: Settings,
}

pub(super) fn stand(settings: Settings) -> Arc<dyn Stand> {
    let paths = if has(settings, "paths", "profile") { Paths::Profile } else { Paths::User };
    Arc::new(Instance { hub: CreatorsHub::start(paths), settings })
}

fn id(user: u32) -> u64 {
    u64::from(user) + 100
}

fn sets(seen: &Seen) -> bool {
    seen.method == "PUT"
}

impl Stand for Instance {
    fn configure(&self, world: &mut World, backend: &str) {
        world.set(&setting(backend, "base-url"), self.hub.url());
        let token = world.path(format!("{backend}-token"));
        fs::write(&token, TOKEN).unwrap();
        world.set(&setting(backend, "token.file"), token.to_str().unwrap());
        if has(self.settings, "mode", "url") {
            publish(world);
        }
    }

    fn remote(&self) -> Result<&dyn Remote, Never> {
        Ok(self)
    }

    fn name(&self, user: u32) -> String {
        id(user).to_string()
    }

    fn add(&self, user: u32) {
        self.hub.add_user(id(user));
    }

    fn add_twin(&self, _: u32) -> Result<(), Never> {
        Err("no lookup, so never ambiguous")
    }

    fn in_other_case(&self, _: u32) -> Result<OtherCase, Never> {
        Err("ids are numbers, which have no case")
    }

    fn shown(&self, user: u32) -> Shown {
        one("avatar", self.hub.picture(id(user)))
    }
}

impl Remote for Instance {
    fn wire(&self) -> &dyn Wire {
        &self.hub
    }

    fn taken(&self) -> usize {
        self.hub.seen().iter().filter(|seen| sets(seen) && seen.was_carried_out()).count()
    }

    fn brings(&self, seen: &Seen) -> bool {
        sets(seen)
    }

    fn set_credentials_known(&self, known: bool) {
        self.hub.set_token(if known { TOKEN } else { "another" });
    }

    fn own_changes(&self) -> usize {
        self.hub.own_picture_writes()
    }

    fn hostile_names(&self) -> Vec<String> {
        ["01", "+101", "-101", "101.0", "1e2", "0x65", "0101", "1 01", "101,102", "١٠١"].map(str::to_owned).into()
    }

    /// What is no number is nobody's id; and no other is in the list.
    fn may_ask(&self, _: &Seen) -> bool {
        false
    }

    fn troubles(&self) -> Vec<Trouble<'_>> {
        vec![Trouble::new("a picture that is taken and not kept", Fault::Unkept, sets).silent()]
    }
}
