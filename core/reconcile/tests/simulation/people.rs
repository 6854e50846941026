//! People who drop photos, and all that they do wrong.

use portraitd_reconcile::{FileName, Kind};

use crate::folder::Content;
use crate::random::Random;
use crate::world::{Climate, DAY, Event, MINUTE, SECOND, Step, World};

impl World {
    /// Somebody does something in the folder.
    pub(crate) fn edit(&mut self) {
        let takes_away = if self.plan.climate == Climate::Folders { 30 } else { 8 };
        match self.random.below(60 + takes_away) {
            0..20 => self.drop_photo(),
            20..27 => self.start_slow_write(),
            27..31 => self.touch(),
            31..35 => self.rename(),
            35..39 => self.replace_and_return(),
            39..44 => self.second_file(),
            44..48 => self.drop_something(|random, n| (Kind::File, garbage_or_unrenderable(random, n))),
            48..50 => self.drop_something(|random, n| {
                let kinds = [Kind::Symlink, Kind::Directory, Kind::Fifo, Kind::Socket, Kind::Device];
                (random.pick(&kinds), Content::Garbage(n))
            }),
            50..55 => self.litter(),
            55..60 => self.copy_over_temporary(),
            _ => self.take_away(),
        }
    }

    fn any_user_name(&mut self) -> String {
        let index = self.random.below(self.plan.users.len() as u64) as usize;
        self.plan.users[index].to_string()
    }

    fn any_file(&mut self) -> Option<String> {
        let names: Vec<_> = self.folder.home().keys().collect();
        (!names.is_empty()).then(|| names[self.random.below(names.len() as u64) as usize].clone())
    }

    fn new_content(&mut self) -> u32 {
        self.contents += 1;
        self.contents
    }

    fn any_mtime(&mut self) -> i64 {
        let years = [0, 0, 0, -52, 75];
        (self.now + self.random.pick(&years) * 365 * DAY) * 1_000_000
    }

    fn place(&mut self, name: &str, kind: Kind, content: Content) {
        let mtime = self.any_mtime();
        self.folder.place(name, kind, content, mtime, self.now);
        self.changed(&[name]);
    }

    /// Names in the folder have changed: some of that is told by an event, some is not.
    fn changed(&mut self, names: &[&str]) {
        self.oracle_sees_edit(names);
        for name in names {
            if self.mounts_home() && !self.random.one_in(4) {
                let wait = self.random.between(5, SECOND);
                self.run_later(wait, Step::Hint(FileName::new(name)));
            }
        }
    }

    fn drop_photo(&mut self) {
        let name = format!("{}.jpg", self.any_user_name());
        let content = Content::Photo(self.new_content());
        self.place(&name, Kind::File, content);
    }

    fn drop_something(&mut self, what: impl Fn(&mut Random, u32) -> (Kind, Content)) {
        let name = format!("{}.jpg", self.any_user_name());
        let number = self.new_content();
        let (kind, content) = what(&mut self.random, number);
        self.place(&name, kind, content);
    }

    /// A file that grows at its final name, with pauses that are longer than the wait for it to settle.
    fn start_slow_write(&mut self) {
        let name = format!("{}.jpg", self.any_user_name());
        let last = Content::Photo(self.new_content());
        let left = self.random.below(4) as u32 + 1;
        self.write_on(name, left, last);
    }

    pub(crate) fn write_on(&mut self, name: String, left: u32, last: Content) {
        let content = if left == 0 { last } else { Content::Garbage(self.new_content()) };
        let size = 1000 - u64::from(left) * 100;
        self.folder.write(&name, content, size, self.now);
        self.changed(&[&name]);
        if left > 0 {
            let wait = self.random.pick(&[200, 1500, 2500, 15_000]);
            self.later(wait, Event::WriteOn { name, left: left - 1, last });
        }
    }

    fn touch(&mut self) {
        let Some(name) = self.any_file() else { return };
        let mtime = self.any_mtime();
        self.folder.touch(&name, mtime, self.now);
        self.changed(&[&name]);
    }

    fn rename(&mut self) {
        let Some(from) = self.any_file() else { return };
        let extension = self.random.pick(&["jpg", "png", "JPG", "jpg.part", "old"]);
        let to = format!("{}.{extension}", self.any_user_name());
        self.folder.rename(&from, &to, self.now);
        self.changed(&[&from, &to]);
    }

    /// A, B, and A again.
    fn replace_and_return(&mut self) {
        let Some(name) = self.any_file() else { return };
        let Some(before) = self.folder.home().get(&name).copied() else { return };
        let between = Content::Photo(self.new_content());
        self.place(&name, Kind::File, between);
        let wait = self.random.pick(&[100, 3 * SECOND, 10 * SECOND, 10 * MINUTE]);
        self.later(wait, Event::WriteOn { name, left: 0, last: before.content });
    }

    fn second_file(&mut self) {
        let name = format!("{}.png", self.any_user_name());
        let content = Content::Photo(self.new_content());
        self.place(&name, Kind::File, content);
    }

    fn litter(&mut self) {
        let name = self.random.pick(&["Thumbs.db", ".u1.jpg", "~u2.jpg", "-rf.jpg", "README", "an na.jpg", "sub"]);
        let kind = if name == "sub" { Kind::Directory } else { Kind::File };
        let content = Content::Photo(self.new_content());
        self.place(name, kind, content);
    }

    fn copy_over_temporary(&mut self) {
        let user = self.any_user_name();
        let (part, whole) = (format!("{user}.jpg.part"), format!("{user}.jpg"));
        let content = Content::Photo(self.new_content());
        self.place(&part, Kind::File, content);
        self.folder.rename(&part, &whole, self.now);
        self.changed(&[&part, &whole]);
    }

    /// One is taken away, or many by mistake.
    fn take_away(&mut self) {
        let many = if self.random.one_in(4) { 1 + self.random.below(12) } else { 1 };
        for _ in 0..many {
            let Some(name) = self.any_file() else { return };
            self.folder.remove(&name);
            self.changed(&[&name]);
        }
        self.count("photos taken away");
    }
}

const fn garbage_or_unrenderable(random: &mut Random, number: u32) -> Content {
    if random.one_in(2) { Content::Garbage(number) } else { Content::Unrenderable(number) }
}
