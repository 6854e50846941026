//! The ledger from outside: what comes back, what a crash leaves, and what damage does.

mod child;
mod crash;
mod damage;
mod lock;
mod reopen;
mod support;
