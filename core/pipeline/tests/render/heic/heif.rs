//! Writes HEIF files of any items and properties (ISO/IEC 14496-12, 8.11; ISO/IEC 23008-12, 9.3).

/// A file in the making. Its items are numbered from 1 on, and so are its properties; the first item is what is shown.
#[derive(Clone, Default)]
pub(crate) struct Heif {
    items: Vec<Item>,
    properties: Vec<u8>,
    /// How many properties these are.
    count: u16,
    /// Boxes that each say which items an item refers to.
    pub(crate) references: Vec<u8>,
    /// Further boxes of `meta`.
    pub(crate) more: Vec<u8>,
    data: Vec<u8>,
}

#[derive(Clone)]
struct Item {
    kind: [u8; 4],
    properties: Vec<u16>,
    /// Where its data begins in all of it, and how long it is.
    data: (u32, u32),
}

impl Heif {
    /// The number of the property in this box.
    pub(crate) fn property(&mut self, name: &[u8; 4], body: &[u8]) -> u16 {
        self.properties.extend(boxed(name, body));
        self.count += 1;
        self.count
    }

    /// The sides of a picture, as a property.
    pub(crate) fn sides(&mut self, (width, height): (u32, u32)) -> u16 {
        self.property(b"ispe", &[[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat())
    }

    /// The number of an item of this kind, with its properties in order and its data.
    pub(crate) fn item(&mut self, kind: &[u8; 4], properties: &[u16], data: &[u8]) -> u16 {
        let place = (self.data.len() as u32, data.len() as u32);
        self.items.push(Item { kind: *kind, properties: properties.to_vec(), data: place });
        self.data.extend_from_slice(data);
        self.items.len() as u16
    }

    /// A grid of tiles, of which `tiles` are the numbers.
    pub(crate) fn grid(&mut self, properties: &[u16], (columns, rows): (u32, u32), sides: (u32, u32), tiles: &[u16]) {
        let sides = [sides.0.to_be_bytes(), sides.1.to_be_bytes()].concat();
        let grid = self.item(b"grid", properties, &[&[0, 1, (rows - 1) as u8, (columns - 1) as u8], &*sides].concat());
        self.refer(b"dimg", grid, tiles);
    }

    /// Says that an item refers to others.
    pub(crate) fn refer(&mut self, name: &[u8; 4], from: u16, to: &[u16]) {
        self.references.extend(boxed(name, &wide(&[&[from, to.len() as u16], to].concat())));
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let start = self.start(0);
        let brands = boxed(b"ftyp", b"heic\0\0\0\0mif1heic");
        let end = brands.len() + start.len() + 8;
        [brands, self.start(end as u32), boxed(b"mdat", &self.data)].concat()
    }

    /// Everything before the data, which begins at `data` of the file.
    fn start(&self, data: u32) -> Vec<u8> {
        let (mut entries, mut places, mut has) = (Vec::new(), Vec::new(), Vec::new());
        for (number, Item { kind, properties, data: (from, length) }) in (1_u16..).zip(&self.items) {
            entries.extend(full(b"infe", 2, 0, &[&wide(&[number, 0]), kind.as_slice(), b"\0"].concat()));
            places.extend(wide(&[number, 0, 1]));
            places.extend([(data + from).to_be_bytes(), length.to_be_bytes()].as_flattened());
            has.extend([&number.to_be_bytes(), [properties.len() as u8].as_slice(), &wide(properties)].concat());
        }
        let count = self.items.len() as u16;
        let boxes = [
            full(b"hdlr", 0, 0, b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            full(b"pitm", 0, 0, &wide(&[1])),
            full(b"iinf", 0, 0, &[wide(&[count]), entries].concat()),
            // Offsets and lengths of four bytes, and nothing else.
            full(b"iloc", 0, 0, &[vec![0x44, 0], wide(&[count]), places].concat()),
            full(b"iref", 0, 0, &self.references),
            boxed(
                b"iprp",
                &[
                    boxed(b"ipco", &self.properties),
                    // Numbers of properties have two bytes.
                    full(b"ipma", 0, 1, &[wide(&[0, count]), has].concat()),
                ]
                .concat(),
            ),
            self.more.clone(),
        ];
        full(b"meta", 0, 0, &boxes.concat())
    }
}

pub(crate) fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes(), name.as_slice(), body].concat()
}

pub(crate) fn full(name: &[u8; 4], version: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    boxed(name, &[&[version, 0, 0, flags], body].concat())
}

/// Numbers of two bytes.
pub(crate) fn wide(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}
