//! The table of the suite: a row for each plugin, mode and case.

use std::{fmt, time::Duration};

use super::{Case, Played};
use crate::stands::Variant;

/// What came of a case in a mode of a plugin: the error is what a failed story said.
pub(super) struct Row {
    pub(super) variant: &'static Variant,
    pub(super) case: &'static str,
    pub(super) played: Result<Played, String>,
    pub(super) took: Duration,
}

pub(super) struct Table(Vec<Row>);

impl Row {
    fn told(&self) -> (&'static str, &str) {
        match &self.played {
            Ok(Ok(seen)) => ("yes", seen),
            Ok(Err(never)) => ("-", never),
            Err(why) => ("NO", why),
        }
    }
}

impl Table {
    /// Sorts the rows as people look for them: by system, by mode, and within it by the order of the cases.
    pub(super) fn new(mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(|row| (row.variant.plugin, row.variant.mode()));
        Self(rows)
    }

    /// Panics unless there is a row for each of these, and no case failed.
    pub(super) fn assert_whole(&self, variants: &[&'static Variant], cases: &[Case]) {
        for variant in variants {
            for case in cases {
                let is_row = |row: &&Row| std::ptr::eq(row.variant, *variant) && row.case == case.name;
                let (plugin, mode, case) = (variant.plugin, variant.mode(), case.name);
                assert_eq!(self.0.iter().filter(is_row).count(), 1, "{plugin}, {mode}: the rows of {case}");
            }
        }
        let failed: Vec<_> = self.0.iter().filter(|row| row.played.is_err()).map(ToString::to_string).collect();
        assert!(failed.is_empty(), "{} of {} rows failed:\n{}", failed.len(), self.0.len(), failed.join("\n"));
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (held, said) = self.told();
        let mode = self.variant.mode();
        let (plugin, seconds) = (self.variant.plugin, self.took.as_secs_f64());
        write!(f, "{plugin:11} | {mode:62} | {:28} | {seconds:7.1} | {held:4} | {said}", self.case)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:11} | {:62} | {:28} | seconds | held | what was seen, or why it cannot be",
            "system", "mode", "case"
        )?;
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}
