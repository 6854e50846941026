//! The same of HEIC: what boxes claim, repeat and share (ISO/IEC 14496-12, 8.11; ISO/IEC 23008-12, 6.6.2.3 and 9.3).

use heif::{Heif, boxed, full, wide};
use hevc::{BLOCK, Coded, Form};

use crate::FILE_MAX;

#[path = "../render/heic/heif.rs"]
mod heif;
#[path = "../render/heic/hevc.rs"]
mod hevc;

/// As small as a tile can be: a bit for a sample.
const TINY: Form = Form { chroma_format: 0, depth: 8, coded: 1, smoothed: false };
const TILE: (u32, u32) = (BLOCK, BLOCK);
/// In a row, and in a column: as many as there is room for in a file.
const TILES: u32 = 200;
/// As small as a photo may be.
const SMALL: (u32, u32) = (6 * BLOCK, 6 * BLOCK);

pub(crate) fn bombs() -> Vec<(String, Vec<u8>)> {
    let named = |(name, bomb): (&str, Vec<u8>)| (format!("HEIC: {name}"), bomb);
    [
        ("65535x65535", one((65_535, 65_535), &coded(TILE, TINY)).bytes()),
        ("8000x8000 of one block", one((8000, 8000), &coded(TILE, TINY)).bytes()),
        ("a grid of 255x255 of one tile", shared(255, &coded(TILE, TINY)).bytes()),
        ("a grid of tiles of their file's length", long(shared(TILES, &coded(TILE, TINY)))),
        ("the same of 16 bits", long(shared(TILES, &coded(TILE, Form { depth: 16, ..TINY })))),
        ("the same with parameters of nothing", long(shared(TILES, &with_sets(coded(TILE, TINY), &[], 8000)))),
        ("the same with parameters of all kinds", long(shared(TILES, &with_good_sets(coded(TILE, TINY))))),
        ("the same of tiles of two kinds by turns", long(by_turns())),
        ("tiles with 200 properties each", propertied()),
        ("4,000 opacities with 200 properties each", opacities()),
        ("references to 65,535 in one box", with_references(referring().repeat(14))),
        ("references to 65,535 in many boxes", with_more(full(b"iref", 0, 0, &referring()).repeat(14))),
        ("references to nothing", with_references(boxed(b"dimg", &wide(&[1, 0])).repeat(100_000))),
        ("65,535 pieces of nothing in a place", with_more(places(2))),
        ("65,535 pieces of nothing in each of 8,000 places", with_more((2..8000).flat_map(places).collect())),
        ("65,000 pieces of a byte and boxes of nothing", pieces_and_boxes()),
        ("items of which there are none", with_more(full(b"iinf", 0, 0, &[0xFF, 0xFF]))),
        ("items without end", with_more(full(b"iinf", 0, 0, &items()))),
        ("properties of 4,294,967,295 items", with_more(boxed(b"iprp", &full(b"ipma", 0, 0, &[0xFF; 4])))),
        ("properties of one item without end", with_more(boxed(b"iprp", &full(b"ipma", 0, 0, &owned(|_| 1))))),
        ("properties of 65,535 items", with_more(boxed(b"iprp", &full(b"ipma", 0, 0, &owned(|item| item))))),
        ("properties without end", with_more(boxed(b"iprp", &boxed(b"ipco", &free().repeat(200_000))))),
        ("boxes in boxes in boxes", with_more(nested())),
        ("boxes of nothing", [one(SMALL, &coded(SMALL, TINY)).bytes(), free().repeat(200_000)].concat()),
    ]
    .map(named)
    .into()
}

fn coded(sides: (u32, u32), form: Form) -> Coded {
    hevc::coded(sides, form, |_, x, y| ((x + y) % 2) << (form.depth - 1))
}

fn one(sides: (u32, u32), coded: &Coded) -> Heif {
    let mut heif = Heif::default();
    let properties = [heif.sides(sides), heif.property(b"hvcC", &coded.configuration)];
    heif.item(b"hvc1", &properties, &coded.data);
    heif
}

/// A grid of so many tiles in a row and in a column, all of them the same item.
fn shared(count: u32, coded: &Coded) -> Heif {
    let mut heif = Heif::default();
    let sides = (count * TILE.0, count * TILE.1);
    let [all, tile, configuration] =
        [heif.sides(sides), heif.sides(TILE), heif.property(b"hvcC", &coded.configuration)];
    heif.grid(&[all], (count, count), sides, &vec![2; (count * count) as usize]);
    heif.item(b"hvc1", &[tile, configuration], &coded.data);
    heif
}

/// As long as may be, so that what all tiles share is as much as is allowed.
fn long(heif: Heif) -> Vec<u8> {
    let mut bytes = heif.bytes();
    let rest = FILE_MAX - bytes.len() - 8;
    bytes.extend(boxed(b"free", &vec![0; rest]));
    bytes
}

/// So many more sets of parameters, one like the other.
fn with_sets(mut coded: Coded, set: &[u8], count: u16) -> Coded {
    const COUNT_AT: usize = 22;
    coded.configuration[COUNT_AT] += 1;
    coded.configuration.extend([&[34], count.to_be_bytes().as_slice()].concat());
    let set = [(set.len() as u16).to_be_bytes().as_slice(), set].concat();
    coded.configuration.extend(set.repeat(count.into()));
    coded
}

/// The set for pictures again, as often as there is room for it.
fn with_good_sets(coded: Coded) -> Coded {
    let at = coded.configuration.windows(5).rposition(|sets| sets[..3] == [34, 0, 1]).expect("there is one");
    let set = coded.configuration[at + 5..].to_vec();
    let count = (16_000 / (set.len() + 2)) as u16;
    with_sets(coded, &set, count)
}

/// No tile has the parameters of the one before.
fn by_turns() -> Heif {
    let coded = with_good_sets(coded(TILE, TINY));
    let mut heif = Heif::default();
    let sides = (TILES * TILE.0, TILES * TILE.1);
    let [all, tile] = [heif.sides(sides), heif.sides(TILE)];
    let targets = [2, 3].repeat((TILES * TILES / 2) as usize);
    heif.grid(&[all], (TILES, TILES), sides, &targets);
    for _ in 0..2 {
        let configuration = heif.property(b"hvcC", &coded.configuration);
        heif.item(b"hvc1", &[tile, configuration], &coded.data);
    }
    heif
}

fn propertied() -> Vec<u8> {
    let coded = coded(TILE, TINY);
    let mut heif = Heif::default();
    let (columns, rows) = (80, 47);
    let sides = (columns * TILE.0, rows * TILE.1);
    let [all, tile] = [heif.sides(sides), heif.sides(TILE)];
    let configuration = heif.property(b"hvcC", &coded.configuration);
    let colours = heif.property(b"colr", P3);
    let targets: Vec<u16> = (2..).take((columns * rows) as usize).collect();
    heif.grid(&[all], (columns, rows), sides, &targets);
    let properties = [&[tile, configuration], [colours; 200].as_slice()].concat();
    targets.iter().for_each(|_| _ = heif.item(b"hvc1", &properties, &coded.data));
    heif.bytes()
}

const P3: &[u8] = b"nclx\0\x0C\0\x0D\0\x06\x80";

fn opacities() -> Vec<u8> {
    let mut heif = one(SMALL, &coded(SMALL, TINY));
    let colours = heif.property(b"colr", P3);
    let properties = [[1_u16, 2].as_slice(), &[colours; 200]].concat();
    for _ in 0..4000 {
        let depth = heif.item(b"hvc1", &properties, &[]);
        heif.refer(b"auxl", depth, &[1]);
    }
    heif.bytes()
}

/// One item refers to the first one again and again.
fn referring() -> Vec<u8> {
    boxed(b"dimg", &wide(&[&[2, 65_535], [1; 65_535].as_slice()].concat()))
}

fn with_references(references: Vec<u8>) -> Vec<u8> {
    let mut heif = one(SMALL, &coded(SMALL, TINY));
    heif.references = references;
    heif.bytes()
}

fn with_more(more: Vec<u8>) -> Vec<u8> {
    let mut heif = one(SMALL, &coded(SMALL, TINY));
    heif.more = more;
    heif.bytes()
}

/// A box for one item, of which the numbers have no bytes.
fn places(item: u16) -> Vec<u8> {
    full(b"iloc", 0, 0, &[&[0, 0], wide(&[1, item, 0, 65_535]).as_slice()].concat())
}

/// The picture is in pieces of one byte, and each box behind it could ask where it ends.
fn pieces_and_boxes() -> Vec<u8> {
    const ITEM: u16 = 9;
    let mut heif = one(SMALL, &coded(SMALL, TINY));
    let pieces = 1_u32.to_be_bytes().repeat(65_000);
    let owned = [wide(&[0, 1, ITEM]), vec![2], wide(&[1, 2])].concat();
    heif.more = [
        full(b"pitm", 0, 0, &wide(&[ITEM])),
        full(
            b"iinf",
            0,
            0,
            &[wide(&[1]), full(b"infe", 2, 0, &[&wide(&[ITEM, 0]), b"hvc1\0".as_slice()].concat())].concat(),
        ),
        full(b"iloc", 0, 0, &[&[0x04, 0], wide(&[1, ITEM, 0, 65_000]).as_slice(), &pieces].concat()),
        boxed(b"iprp", &full(b"ipma", 0, 1, &owned)),
    ]
    .concat();
    [heif.bytes(), free().repeat(200_000)].concat()
}

fn items() -> Vec<u8> {
    let entries =
        (1_u16..60_000).flat_map(|item| full(b"infe", 2, 0, &[&wide(&[item, 0]), b"hvc1\0".as_slice()].concat()));
    [wide(&[60_000]), entries.collect()].concat()
}

/// 65,535 items with 20 properties each.
fn owned(number: impl Fn(u16) -> u16) -> Vec<u8> {
    let owned = (1_u16..=65_535).flat_map(|item| [wide(&[number(item)]), vec![20], vec![1; 20]].concat());
    [vec![0, 0, 0xFF, 0xFF], owned.collect()].concat()
}

fn nested() -> Vec<u8> {
    (0..2000).fold(Vec::new(), |inner, _| boxed(b"iprp", &boxed(b"ipco", &inner)))
}

fn free() -> Vec<u8> {
    boxed(b"free", &[])
}
