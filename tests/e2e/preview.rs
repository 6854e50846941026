//! `portraitd preview`: the pictures that would be made, and one sheet on which people see them.

use std::{fs, io::Cursor};

use crate::{
    photos::{Picture, commented, cut, plain, portrait},
    snapshot::Snapshot,
    world::{Told, World},
};

/// The colour of the first crop on a sheet.
const CROP: [u8; 3] = [0xff, 0x30, 0x30];

/// Runs `preview` on these bytes, into the folder `shown`.
fn preview(world: &World, bytes: &[u8]) -> Told {
    let photo = world.path("any-name.dat");
    fs::write(&photo, bytes).unwrap();
    world.portraitd(&["preview", photo.to_str().unwrap(), "--out", "shown"])
}

/// A decoded PNG of red, green and blue.
struct Sheet {
    width: usize,
    rgb: Vec<u8>,
}

impl Sheet {
    fn of(world: &World) -> Self {
        let bytes = fs::read(world.path("shown/contact-sheet.png")).unwrap();
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        Self { width: info.width as usize, rgb }
    }

    /// Where pixels of this colour are in each row.
    fn rows(&self, colour: [u8; 3]) -> impl Iterator<Item = Vec<usize>> {
        let rows = self.rgb.chunks(self.width * 3);
        let columns = move |row: &[u8]| {
            let pixels = row.chunks(3).enumerate();
            pixels.filter(|(_, pixel)| *pixel == colour).map(|(column, _)| column).collect()
        };
        rows.map(columns)
    }

    fn pixel(&self, column: usize, row: usize) -> [u8; 3] {
        self.rgb[(row * self.width + column) * 3..][..3].try_into().unwrap()
    }
}

#[test]
fn preview_writes_what_would_be_made_and_nothing_else() {
    let mut world = World::new();
    world.add_backend("badges");
    world.set_renditions("badges", &[("card", 90)]);
    let told = preview(&world, &portrait("camera-orientation-6.jpg")).expect(0);
    let shown = Snapshot::of(&world.path("shown"));
    let pictures = shown.0.iter().filter(|(name, _)| name.extension().is_some_and(|extension| extension == "jpg"));
    let mut sizes: Vec<_> =
        pictures.map(|(name, entry)| Picture::decode(&name.to_string_lossy(), &entry.bytes).size()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [(48, 48), (90, 90), (200, 200), (496, 667)], "{:?}", shown.names());
    assert_eq!(shown.names().len(), sizes.len() + 1, "{:?}", shown.names());
    for name in shown.names() {
        assert!(told.out.contains(&name), "{name} is not listed:\n{}", told.out);
    }
    assert!(world.backend_files("portraits").0.is_empty() && world.backend_files("badges").0.is_empty());
}

#[test]
fn preview_of_a_refused_photo_is_one_and_says_why() {
    let world = World::new();
    let told = preview(&world, &cut(&portrait("portrait.jpg"), 50)).expect(1);
    assert!(told.text().contains("copy it again"), "{}", told.text());
    assert!(!world.path("shown").exists());
}

/// The photo has 496 x 667 pixels, upright, and is not shrunk on the sheet; the square in its middle is framed once for two
/// renditions.
#[test]
fn the_sheet_shows_the_photo_upright_and_the_crop_where_it_is() {
    let world = World::new();
    preview(&world, &portrait("camera-orientation-6.jpg")).expect(0);
    let sheet = Sheet::of(&world);
    let rows: Vec<_> = sheet.rows(CROP).collect();
    let edges: Vec<_> = (0..rows.len()).filter(|row| rows[*row].len() > 400).collect();
    let (top, bottom) = (edges[0], edges[edges.len() - 1]);
    assert!((495..=497).contains(&(bottom - top + 1)), "{edges:?}");
    let (left, right) = (rows[top][0], rows[top][rows[top].len() - 1]);
    assert_eq!(right - left + 1, 496);
    let beside = |column: usize| (top..=bottom).all(|row| sheet.pixel(column, row) == CROP);
    assert!(beside(left) && beside(right), "the frame is closed");
    let [red, _, blue] = sheet.pixel(left + 248, top - 80);
    assert!(blue > red, "the sky is on top, but there is red {red}, blue {blue}");
}

#[test]
fn the_sheet_shows_each_picture_at_its_size_and_as_it_is_coded() {
    let mut world = World::new();
    world.set_renditions("portraits", &[("red", 150)]);
    preview(&world, &plain(300, 300, [200, 30, 40])).expect(0);
    let sheet = Sheet::of(&world);
    let made = Picture::decode("red", &fs::read(world.path("shown/portraits-red.jpg")).unwrap());
    let colour = made.mean(0..150, 0..150);
    let rows: Vec<_> = sheet.rows(colour).map(|row| row.len()).collect();
    assert_eq!(rows.iter().filter(|count| **count == 150).count(), 150, "{rows:?}");
    assert_eq!(rows.iter().filter(|count| **count == 300).count(), 300, "{rows:?}");
}

#[test]
fn a_photo_with_many_renditions_and_one_with_an_odd_name_have_a_sheet() {
    let mut world = World::new();
    let names: Vec<_> = (0..16).map(|n| format!("n{n}")).collect();
    let squares: Vec<_> = names.iter().map(|name| (name.as_str(), 600)).collect();
    for backend in ["portraits", "badges", "intranet"] {
        world.add_backend(backend);
        world.set_renditions(backend, &squares);
    }
    let photo = world.path("drop").join("\u{1b}[2J\nü\u{202e}.jpg");
    fs::write(&photo, commented(&plain(700, 900, [90, 120, 150]), "odd")).unwrap();
    world.portraitd(&["preview", photo.to_str().unwrap(), "--out", "shown"]).expect(0);
    assert_eq!(Sheet::of(&world).width, 1280);
}
