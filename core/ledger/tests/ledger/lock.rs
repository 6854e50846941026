//! One process at a time.

use portraitd_ledger::{Lock, LockError};

use crate::child::Other;

#[test]
fn a_lock_that_another_process_holds_is_refused_and_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = Other::holding(dir.path());
    assert_eq!(other.line().as_deref(), Some("held"));
    let refused = Lock::take(dir.path()).unwrap_err();
    assert!(matches!(refused, LockError::Held { pid: Some(pid) } if pid == other.pid()), "{refused}");
    other.kill();
    Lock::take(dir.path()).unwrap();
}
