//! What goes wrong at one system and at no other.

use crate::simulators::{faults::Fault, simulator::Seen};

/// Something that goes wrong in the middle of a delivery, and what comes of it.
pub(crate) struct Trouble<'a> {
    pub(crate) what: &'static str,
    /// How the system is before.
    pub(crate) before: Box<dyn Fn() + 'a>,
    /// Strikes the first of these requests.
    pub(crate) fault: Fault,
    pub(crate) at: fn(&Seen) -> bool,
    /// What happens before the delivery is tried again, where that is not at once.
    pub(crate) meanwhile: Option<Box<dyn Fn() + 'a>>,
    /// Whether it is only found by looking.
    pub(crate) is_silent: bool,
    /// How many pictures have to be brought once more.
    pub(crate) costs: usize,
}

impl<'a> Trouble<'a> {
    /// A fault that strikes the first request of a kind, and costs no picture.
    pub(super) fn new(what: &'static str, fault: Fault, at: fn(&Seen) -> bool) -> Self {
        Self { what, before: Box::new(|| {}), fault, at, meanwhile: None, is_silent: false, costs: 0 }
    }

    pub(super) fn before(self, before: impl Fn() + 'a) -> Self {
        Self { before: Box::new(before), ..self }
    }

    pub(super) fn meanwhile(self, meanwhile: impl Fn() + 'a) -> Self {
        Self { meanwhile: Some(Box::new(meanwhile)), ..self }
    }

    pub(super) fn silent(self) -> Self {
        Self { is_silent: true, ..self }
    }

    pub(super) fn costs(self, pictures: usize) -> Self {
        Self { costs: pictures, ..self }
    }
}
