//! Breaks the rules of a simulated system one by one. It knows no system: a rule comes with a request that breaks it.

use crate::{
    raw::Wire,
    simulators::simulator::{Answer, Simulator, System},
};

/// A rule, where it stands, a request that breaks it, and the status and words that refuse it.
pub(crate) type Broken = (&'static str, &'static str, Vec<u8>, (u16, &'static str));

/// Sends each request to the system, which is to refuse it and to log that. `changed` says whether anything is other than
/// it was; nothing may be. Prints the table.
pub(crate) fn refuse_all<S: System>(system: &Simulator<S>, rules: &[Broken], changed: impl Fn(&Simulator<S>) -> bool) {
    let address = system.url().strip_prefix("http://").and_then(|address| address.parse().ok());
    let address = address.expect("a simulator has an address");
    let before = system.seen().len();
    for (rule, mark, bytes, (status, words)) in rules {
        let told = Wire::connect(address).unwrap().exchange(bytes).unwrap();
        println!("{rule:<24} [{mark}]: {} {}", told.status, told.text());
        assert_eq!(told.status, *status, "{rule}: {}", told.text());
        assert!(told.text().contains(words), "{rule}: {}", told.text());
        let seen = system.seen().pop().unwrap();
        assert_eq!(seen.answer, Answer::Status(*status), "{rule}: {seen:?}");
        assert!(seen.note.contains(words), "{rule}: {seen:?}");
        assert!(!changed(system), "{rule} was broken and something changed");
    }
    assert_eq!(system.seen().len(), before + rules.len());
}
