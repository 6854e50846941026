//! One suite for every plugin in every mode: what each of them owes to people, whichever system it talks to.
//!
//! `cargo test -p portraitd-tests --test e2e conformance -- --nocapture` prints the table. With `PORTRAITD_STAND=igloo` it is
//! that of one plugin.

mod arena;
mod coverage;
mod faults;
mod kills;
mod names;
mod pictures;
mod refusals;
mod table;
mod users;

use std::{env, panic, time::Instant};

use self::{
    arena::Arena,
    table::{Row, Table},
};
use crate::{
    stands::{Never, VARIANTS, Variant},
    threads::each,
};

/// How many worlds there are at a time. They mostly wait.
const AT_A_TIME: usize = 16;

/// What came of a case: what was seen, or why it cannot be.
type Played = Result<String, Never>;

/// Something that every plugin has to get through.
struct Case {
    name: &'static str,
    play: fn(&mut Arena) -> Played,
}

/// The long ones first, so that nobody waits for one of them at the end.
const CASES: [Case; 14] = [
    Case { name: "each passing fault once", play: faults::each_passing_fault_once },
    Case { name: "kill between any two effects", play: kills::between_any_two_effects },
    Case { name: "troubles of its own", play: faults::each_trouble_of_its_own },
    Case { name: "first picture", play: pictures::first },
    Case { name: "replaced", play: pictures::replaced },
    Case { name: "repeated", play: pictures::repeated },
    Case { name: "user unknown", play: users::unknown },
    Case { name: "user ambiguous", play: users::ambiguous },
    Case { name: "two rows for one user", play: users::two_rows_for_one },
    Case { name: "names that differ in case", play: users::names_that_differ_in_case },
    Case { name: "picture refused", play: refusals::picture_refused },
    Case { name: "wrong credentials", play: refusals::wrong_credentials },
    Case { name: "throttled", play: refusals::throttled },
    Case { name: "hostile names", play: names::hostile },
];

/// The variants that are asked for; all where none is.
fn variants() -> Vec<&'static Variant> {
    let asked = env::var("PORTRAITD_STAND").unwrap_or_default();
    VARIANTS.iter().filter(|variant| variant.plugin.contains(&asked)).collect()
}

fn play(case: &Case, variant: &'static Variant) -> Row {
    let began = Instant::now();
    let played = panic::catch_unwind(|| (case.play)(&mut Arena::new(variant)));
    let said = |panic: Box<dyn std::any::Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("it panicked").lines().next().unwrap_or_default().to_owned()
    };
    Row { variant, case: case.name, played: played.map_err(said), took: began.elapsed() }
}

#[test]
fn every_plugin_gets_through_every_case_in_every_mode() {
    let jobs: Vec<_> =
        CASES.iter().flat_map(|case| variants().into_iter().map(move |variant| (case, variant))).collect();
    let table = Table::new(each(jobs, AT_A_TIME, |(case, variant)| play(case, variant)));
    println!("{table}");
    table.assert_whole(&variants(), &CASES);
}
