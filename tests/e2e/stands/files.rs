//! A folder, which is a system without requests.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use super::{Never, OtherCase, Remote, Settings, Shown, Stand, setting};
use crate::world::World;

#[derive(Default)]
struct Folder(OnceLock<PathBuf>);

pub(super) fn stand(_: Settings) -> Arc<dyn Stand> {
    Arc::<Folder>::default()
}

impl Stand for Folder {
    fn configure(&self, world: &mut World, backend: &str) {
        world.set(&setting(backend, "path"), backend);
        self.0.set(world.path(backend)).expect("a stand is configured once");
    }

    fn remote(&self) -> Result<&dyn Remote, Never> {
        Err("a folder: no requests; `crash` kills it, `hostile_names` names it")
    }

    fn name(&self, user: u32) -> String {
        format!("user{user}")
    }

    fn add(&self, _: u32) {}

    fn add_twin(&self, _: u32) -> Result<(), Never> {
        Err("no lookup, so never ambiguous")
    }

    fn in_other_case(&self, user: u32) -> Result<OtherCase, Never> {
        Ok(OtherCase { name: format!("USER{user}"), is_same: false })
    }

    fn shown(&self, user: u32) -> Shown {
        let folder = self.0.get().expect("it was configured").join(self.name(user));
        let files = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        let named = files.map(|file| {
            let name = file.file_stem().and_then(|name| name.to_str()).expect("the plugin names them so");
            (name.to_owned(), fs::read(&file).unwrap())
        });
        named.collect()
    }
}
