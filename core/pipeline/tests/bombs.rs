//! Files of less than 2 MB that claim all the work that a JPEG can claim, or the boxes of a HEIC: made into two small
//! pictures, each is done or refused within little time and memory.
//!
//! Each is rendered in a process of its own, as `memory.rs` explains: this program writes the files, then runs itself for
//! each. The table that it prints is worth reading from an optimised build:
//!
//! ```text
//! cargo test --release -p portraitd-pipeline --test bombs -- --nocapture
//! ```

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs};

use portraitd_pipeline::{Crop, Fit, Limits, Recipe, RenditionSpec, examine, render};
use rustix::time::{ClockId, clock_gettime};

#[cfg(feature = "heic")]
#[path = "bombs/heic.rs"]
mod heic;

/// What a folder allows by default.
const LIMITS: Limits = Limits { max_bytes: 32 << 20, max_pixels: 120_000_000, min_side: 96 };
const FILE_MAX: usize = 2_000_000;
/// An optimised build on an idle machine takes a tenth of this.
const CPU_MAX: Duration = Duration::from_secs(1);
/// The file included.
const MEMORY_MAX: u64 = 64_000_000;
/// Before it is known what the rest takes, the file included: as much as lists of all that may be in it.
const LOOK_MAX: u64 = 12_000_000;
/// Code that is loaded when it is first used, and what the allocator keeps beside what was asked of it.
const SLACK: u64 = 3 << 20;
const BOMB: &str = "BOMB";

fn main() -> ExitCode {
    match env::var(BOMB) {
        Ok(bomb) if is_harmless(Path::new(&bomb)) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(_) => {
            no_small_file_takes_much_time_or_memory();
            ExitCode::SUCCESS
        }
    }
}

fn no_small_file_takes_much_time_or_memory() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    println!("{:<44} {:>8} {:>5} {:>7} {:>6}", "", "file kB", "MP", "CPU ms", "MB");
    let mut harmful = Vec::new();
    for (name, bomb) in bombs() {
        assert!(bomb.len() <= FILE_MAX, "{name} has {} bytes", bomb.len());
        let path = folder.join(&name);
        fs::write(&path, bomb).expect("the target folder is writable");
        let this = env::current_exe().expect("a running program has a path");
        let status = Command::new(this).env(BOMB, &path).status().expect("a program can run itself");
        fs::remove_file(&path).expect("the file was just written");
        if !status.success() {
            harmful.push(name);
        }
    }
    assert!(harmful.is_empty(), "too much was taken by {harmful:?}");
}

/// Renders, and tells what that took.
fn is_harmless(path: &Path) -> bool {
    let (memory_before, cpu_before) = (memory("VmRSS:"), cpu());
    let bytes = fs::read(path).expect("the file was just written");
    let spec = |side| RenditionSpec { width: side, height: side, fit: Fit::Exact, max_bytes: None };
    let recipe = Recipe::new(Crop::Center, vec![spec(200), spec(48)]);
    let mut said = bytes.len() as u64;
    let examined = examine(&bytes, &LIMITS);
    let looked = memory("VmHWM:").saturating_sub(memory_before);
    let made = examined.and_then(|source| {
        said += source.render_bytes(&recipe);
        let pixels = u64::from(source.width) * u64::from(source.height);
        render(&bytes, &source, &recipe).map(|_| pixels)
    });
    let (cpu, memory) = (cpu() - cpu_before, memory("VmHWM:").saturating_sub(memory_before));
    let megapixels = made.as_ref().map_or_else(|_| "-".to_owned(), |pixels| (pixels / 1_000_000).to_string());
    let verdict = made.as_ref().map_or_else(ToString::to_string, |_| "done".to_owned());
    println!(
        "{:<44} {:>8} {megapixels:>5} {:>7} {:>6.1}  {verdict}",
        path.file_name().unwrap_or_default().display(),
        bytes.len() / 1000,
        cpu.as_millis(),
        memory as f64 / 1e6,
    );
    let is_as_said = looked <= LOOK_MAX && memory <= looked.max(said) + SLACK;
    cpu <= CPU_MAX && memory <= MEMORY_MAX && is_as_said
}

/// Processor time of this process so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("time that was used is not negative")
}

/// A figure of this process in bytes.
fn memory(figure: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells about processes");
    let line = status.lines().find(|line| line.starts_with(figure)).expect("the figure is told");
    let kilobytes = line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    kilobytes.expect("the figure is a number") << 10
}

const LARGE: (u16, u16) = (10_950, 10_950);
/// Of a picture like these only a small part is wanted, at nearly its full size.
const LONG: [(u16, u16); 5] = [(65_500, 250), (65_500, 480), (65_500, 1800), (1800, 65_500), (250, 65_500)];

fn bombs() -> Vec<(String, Vec<u8>)> {
    let mut bombs = Vec::new();
    let mut add = |name: &str, (width, height), bomb| bombs.push((format!("{name} {width}x{height}"), bomb));
    for (name, colours) in [("gray", 1), ("colour", 3), ("CMYK", 4)] {
        add(&format!("baseline {name}"), LARGE, Bomb::new(LARGE, colours, BASELINE).whole());
    }
    add("DC refinements, gray", LARGE, Bomb::new(LARGE, 1, PROGRESSIVE).dc(7).bytes());
    add("DC and AC refinements, gray", LARGE, Bomb::new(LARGE, 1, PROGRESSIVE).dc(0).ac_refined().bytes());
    add("DC and AC refinements, colour", LARGE, Bomb::new(LARGE, 3, PROGRESSIVE).dc(0).ac_refined().bytes());
    for sides in LONG {
        add("baseline colour", sides, Bomb::new(sides, 3, BASELINE).whole());
        add("progressive gray, one AC scan", sides, Bomb::new(sides, 1, PROGRESSIVE).dc(0).ac(0, 0).bytes());
        add("progressive colour, one AC scan each", sides, Bomb::new(sides, 3, PROGRESSIVE).dc(0).ac(0, 0).bytes());
        add("progressive CMYK, one AC scan each", sides, Bomb::new(sides, 4, PROGRESSIVE).dc(0).ac(0, 0).bytes());
        add("AC refinements, gray", sides, Bomb::new(sides, 1, PROGRESSIVE).dc(0).ac_refined().bytes());
        add("AC refinements, colour", sides, Bomb::new(sides, 3, PROGRESSIVE).dc(0).ac_refined().bytes());
        add("AC bands, gray", sides, Bomb::new(sides, 1, PROGRESSIVE).dc(0).ac_bands().bytes());
    }
    let hundred = (4470, 4470);
    add("a hundred scans", hundred, Bomb::new(hundred, 1, PROGRESSIVE).dc(0).ac_bands().bytes());
    let hundred = (65_500, 300);
    add("a hundred scans", hundred, Bomb::new(hundred, 1, PROGRESSIVE).dc(0).ac_bands().bytes());
    let zeros = (65_500, 1800);
    add("AC refinements by runs of zeros", zeros, Bomb::new(zeros, 1, PROGRESSIVE).dc(0).ac(1, 0).ac_zeros().bytes());
    let restarts = (6500, 6500);
    add("a restart after each block", restarts, Bomb::new(restarts, 1, BASELINE).restarts());
    let small = (200, 200);
    add("nothing but Huffman tables", small, Bomb::new(small, 1, BASELINE).tables(4000, 26).whole());
    add("nothing but quantisation tables", small, Bomb::new(small, 1, BASELINE).quantisation(400, 75).whole());
    #[cfg(feature = "heic")]
    bombs.extend(heic::bombs());
    bombs
}

const BASELINE: u8 = 0xC0;
const PROGRESSIVE: u8 = 0xC2;

/// A JPEG in the making. Every code in it is a zero bit, and so is every bit behind one: coded data is nothing but zeros,
/// and only how much of it there is must be right.
struct Bomb {
    bytes: Vec<u8>,
    pixels: usize,
    blocks: usize,
    colours: u8,
    scans: usize,
}

/// No more scans than are taken: so many, and so many pixels in all of them.
const SCANS_MAX: usize = 100;
const PIXEL_SCANS_MAX: usize = 2_000_000_000;

/// The number of an AC code, and its only symbol: the block ends; at least 16,384 blocks end; 16 zeros.
const END: (u8, u8) = (0, 0x00);
const END_OF_MANY: (u8, u8) = (1, 0xE0);
const ZEROS: (u8, u8) = (2, 0xF0);

impl Bomb {
    fn new((width, height): (u16, u16), colours: u8, kind: u8) -> Self {
        let mut bytes = vec![0xFF, 0xD8];
        segment(&mut bytes, 0xDB, &[&[0_u8][..], &[1; 64]].concat());
        let [high, low] = height.to_be_bytes();
        let mut frame = vec![8, high, low];
        frame.extend(width.to_be_bytes());
        frame.push(colours);
        frame.extend((0..colours).flat_map(|id| [id, 0x11, 0]));
        segment(&mut bytes, kind, &frame);
        for (id, symbol) in
            [(0x00, 0), (0x10 | END.0, END.1), (0x10 | END_OF_MANY.0, END_OF_MANY.1), (0x10 | ZEROS.0, ZEROS.1)]
        {
            segment(&mut bytes, 0xC4, &huffman(id, symbol));
        }
        let (width, height) = (usize::from(width), usize::from(height));
        let blocks = width.div_ceil(8) * height.div_ceil(8);
        Self { bytes, pixels: width * height, blocks, colours, scans: 0 }
    }

    /// A scan of some components with one AC table, and its coded data. One more than are taken is left out.
    fn scan(&mut self, components: &[u8], table: u8, [first, last, high, low]: [u8; 4], bits: usize) {
        if self.scans == SCANS_MAX || (self.scans + 1) * self.pixels > PIXEL_SCANS_MAX {
            return;
        }
        self.scans += 1;
        let mut header = vec![components.len() as u8];
        header.extend(components.iter().flat_map(|id| [*id, table]));
        header.extend([first, last, high << 4 | low]);
        segment(&mut self.bytes, 0xDA, &header);
        self.bytes.resize(self.bytes.len() + bits.div_ceil(8), 0);
    }

    fn all(&self) -> Vec<u8> {
        (0..self.colours).collect()
    }

    /// All of a sequential picture.
    fn whole(mut self) -> Vec<u8> {
        let bits = 2 * self.blocks * usize::from(self.colours);
        self.scan(&self.all(), END.0, [0, 63, 0, 0], bits);
        self.bytes()
    }

    /// The same with a marker before each block but the first.
    fn restarts(mut self) -> Vec<u8> {
        segment(&mut self.bytes, 0xDD, &[0, 1]);
        self.scan(&self.all(), END.0, [0, 63, 0, 0], 2);
        for block in 1..self.blocks {
            self.bytes.extend([0xFF, 0xD0 + ((block - 1) % 8) as u8, 0]);
        }
        self.bytes()
    }

    /// DC coefficients, in as many refinements and one scan more.
    fn dc(mut self, refinements: u8) -> Self {
        let bits = self.blocks * usize::from(self.colours);
        self.scan(&self.all(), 0, [0, 0, 0, refinements], bits);
        for low in (0..refinements).rev() {
            self.scan(&self.all(), 0, [0, 0, low + 1, low], bits);
        }
        self
    }

    /// For each colour a scan of all AC coefficients, of which there are none.
    fn ac(mut self, low: u8, high: u8) -> Self {
        for colour in self.all() {
            self.nothing(colour, [1, 63, high, low]);
        }
        self
    }

    /// A scan without any coefficient: 15 bits for 16,384 blocks.
    fn nothing(&mut self, colour: u8, what: [u8; 4]) {
        self.scan(&[colour], END_OF_MANY.0, what, 15 * self.blocks.div_ceil(16_384));
    }

    fn ac_refined(mut self) -> Self {
        self = self.ac(13, 0);
        for low in (0..13).rev() {
            self = self.ac(low, low + 1);
        }
        self
    }

    /// Each AC coefficient in a scan of its own, and again.
    fn ac_bands(mut self) -> Self {
        for (high, low) in [(0, 1), (1, 0)] {
            for index in 1..64 {
                self.nothing(0, [index, index, high, low]);
            }
        }
        self
    }

    /// A last refinement of the first colour that names its zeros, 16 in a bit.
    fn ac_zeros(mut self) -> Self {
        self.scan(&[0], ZEROS.0, [1, 63, 1, 0], 4 * self.blocks);
        self
    }

    fn tables(mut self, segments: usize, tables: usize) -> Self {
        // With one code of 16 bits, which is looked for longest.
        let table = [&[0x13], &[0; 15][..], &[1, 0]].concat();
        let all = table.repeat(tables);
        (0..segments).for_each(|_| segment(&mut self.bytes, 0xC4, &all));
        self
    }

    fn quantisation(mut self, segments: usize, tables: usize) -> Self {
        let all = [&[1_u8][..], &[1; 64]].concat().repeat(tables);
        (0..segments).for_each(|_| segment(&mut self.bytes, 0xDB, &all));
        self
    }

    fn bytes(mut self) -> Vec<u8> {
        self.bytes.extend([0xFF, 0xD9]);
        self.bytes
    }
}

/// A code of one bit, 0.
fn huffman(id: u8, symbol: u8) -> Vec<u8> {
    [&[id, 1], &[0; 15][..], &[symbol]].concat()
}

fn segment(bytes: &mut Vec<u8>, marker: u8, body: &[u8]) {
    let length = u16::try_from(body.len() + 2).expect("segments are short");
    bytes.extend([0xFF, marker]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(body);
}
