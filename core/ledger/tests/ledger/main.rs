//! The ledger from outside: what comes back, what a crash leaves, and what damage does.

mod reopen;
mod support;
