//! How much of everything a container may have: as much as is said is taken, and one more is not.

use portraitd_pipeline::Crop;

use super::heif::{Heif, boxed, full, wide};
use super::hevc::{self, Coded};
use super::made::GRAY;
use super::reason;
use crate::photos::*;

const SIDES: (u32, u32) = (96, 96);
const ENDLESS: &str = "the file is damaged (parts without end): copy it again";

fn picture(sides: (u32, u32)) -> Coded {
    hevc::coded(sides, GRAY, |_, x, y| (x * 2 + y / 2) % 256)
}

/// One picture: its sides are the first property and its configuration is the second.
fn one(coded: &Coded) -> Heif {
    let mut heif = Heif::default();
    let properties = [heif.sides(SIDES), heif.property(b"hvcC", &coded.configuration)];
    heif.item(b"hvc1", &properties, &coded.data);
    heif
}

fn with_more(more: &[Vec<u8>]) -> Vec<u8> {
    let mut heif = one(&picture(SIDES));
    heif.more = more.concat();
    heif.bytes()
}

fn assert_shown(photo: &[u8]) {
    let made = rendered(photo, Crop::None, &[exact(48, 48)]);
    let expected = rendered(&one(&picture(SIDES)).bytes(), Crop::None, &[exact(48, 48)]);
    assert_eq!(made, expected);
}

fn assert_endless(photo: &[u8]) {
    assert_eq!(reason(photo), ENDLESS);
}

/// What is read of the tiles is shown where the file is so long, and refused where it has a byte less.
fn assert_shown_from(photo: &[u8], read: usize) {
    let filled = |length: usize| [photo, &boxed(b"free", &vec![0; length - photo.len() - 8])].concat();
    assert!(rendered(&filled(read), Crop::None, &[at_most(0, 0)]).is_ok());
    assert_eq!(reason(&filled(read - 1)), "the file is damaged (tiles that are one over the other): copy it again");
}

/// Tiles may share data, as those of one colour do, until all that is read is longer than the file.
#[test]
fn what_tiles_share_is_no_more_than_their_file_has() {
    let (tile, count) = ((32, 32), 16);
    let coded = picture(tile);
    let mut heif = Heif::default();
    let sides = (count * tile.0, count * tile.1);
    let [all, tile, configuration] =
        [heif.sides(sides), heif.sides(tile), heif.property(b"hvcC", &coded.configuration)];
    heif.grid(&[all], (count, count), sides, &[2; 256]);
    heif.item(b"hvc1", &[tile, configuration], &coded.data);
    assert_shown_from(&heif.bytes(), 256 * coded.data.len());
}

/// Two tiles by turns: each brings its parameters again.
#[test]
fn parameters_that_change_from_tile_to_tile_are_counted_too() {
    let (tile, count) = ((32, 32), 8);
    let coded = picture(tile);
    let mut heif = Heif::default();
    let sides = (count * tile.0, count * tile.1);
    let [all, tile] = [heif.sides(sides), heif.sides(tile)];
    heif.grid(&[all], (count, count), sides, &[2, 3].repeat(32));
    for _ in 0..2 {
        let configuration = heif.property(b"hvcC", &coded.configuration);
        heif.item(b"hvc1", &[tile, configuration], &coded.data);
    }
    assert_shown_from(&heif.bytes(), 64 * coded.data.len() + 63 * coded.configuration.len());
}

#[test]
fn a_configuration_has_its_bytes_at_most() {
    let with_length = |length: usize| {
        let mut coded = picture(SIDES);
        let rest = length - coded.configuration.len() - 5;
        coded.configuration[22] += 1;
        // A set that holds whatever an encoder has to tell (SEI).
        coded.configuration.extend([39, 0, 1]);
        coded.configuration.extend((rest as u16).to_be_bytes());
        coded.configuration.extend([&[78, 1], vec![0xFF; rest - 2].as_slice()].concat());
        one(&coded).bytes()
    };
    assert_shown(&with_length(1 << 14));
    assert_endless(&with_length((1 << 14) + 1));
}

/// ISO/IEC 23008-12, 9.3.2 has numbers for so many.
#[test]
fn a_box_has_its_boxes_at_most() {
    // Of two lists of properties the last one counts.
    let listed = |count: usize| {
        let coded = picture(SIDES);
        let sides = full(b"ispe", 0, 0, &[SIDES.0.to_be_bytes(), SIDES.1.to_be_bytes()].concat());
        let mut all = [sides, boxed(b"hvcC", &coded.configuration)].concat();
        all.extend(boxed(b"free", &[]).repeat(count - 2));
        with_more(&[boxed(b"iprp", &boxed(b"ipco", &all))])
    };
    assert_shown(&listed(1 << 15));
    assert_endless(&listed((1 << 15) + 1));
}

#[test]
fn an_item_has_its_properties_at_most() {
    // The picture has two already; 0 is the number of none.
    let owned = |count: usize| {
        let entry = |count: usize| [wide(&[1]), vec![count as u8], vec![0; count]].concat();
        let entries = [entry(count / 2), entry(count - count / 2)].concat();
        with_more(&[boxed(b"iprp", &full(b"ipma", 0, 0, &[wide(&[0, 2]), entries].concat()))])
    };
    assert_shown(&owned(254));
    assert_endless(&owned(255));
}

#[test]
fn so_many_items_have_properties() {
    let owned = |count: u16| {
        let entries: Vec<u8> = (1..=count).flat_map(|item| [wide(&[item]), vec![1, 0]].concat()).collect();
        with_more(&[boxed(b"iprp", &full(b"ipma", 0, 0, &[wide(&[0, count]), entries].concat()))])
    };
    assert_shown(&owned(1 << 13));
    assert_endless(&owned((1 << 13) + 1));
}

/// However many boxes tell of them.
#[test]
fn items_refer_to_so_many_others() {
    let reference = |count: u16| boxed(b"cdsc", &[wide(&[2, count]), wide(&vec![1; count.into()])].concat());
    let [half, one] = [reference(1 << 15), reference(1)];
    let boxes =
        |references: &[&Vec<u8>]| with_more(&references.iter().map(|all| full(b"iref", 0, 0, all)).collect::<Vec<_>>());
    assert_shown(&boxes(&[&half, &half]));
    assert_endless(&boxes(&[&half, &half, &one]));
    assert_endless(&boxes(&[&[half.as_slice(), &half, &one].concat()]));
    assert_shown(&boxes(&[&reference(0).repeat(1 << 13)]));
    assert_endless(&boxes(&[&reference(0).repeat((1 << 13) + 2)]));
}

/// Numbers of no bytes make pieces that take no room in the file.
#[test]
fn items_are_in_so_many_pieces() {
    let place = |item: u16, count: u16| full(b"iloc", 0, 0, &[wide(&[0, 1]), wide(&[item, 0, count])].concat());
    // The picture is in one piece.
    assert_shown(&with_more(&[place(2, 65_535)]));
    assert_endless(&with_more(&[place(2, 65_535), place(3, 1)]));
    let places: Vec<_> = (2..10_000).map(|item| place(item, 0)).collect();
    assert_shown(&with_more(&places[..(1 << 13) - 1]));
    assert_endless(&with_more(&places[..1 << 13]));
}

/// What is no slice may be anything: it is passed over.
#[test]
fn units_that_are_no_slices_are_not_read() {
    let coded = picture(SIDES);
    let unit = [&[39 << 1, 1], vec![0; 5000].as_slice(), &[0x80]].concat();
    let data = [&(unit.len() as u32).to_be_bytes(), unit.as_slice(), &coded.data].concat();
    assert_shown(&one(&Coded { data, ..coded }).bytes());
}
