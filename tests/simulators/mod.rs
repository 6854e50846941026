//! Strict simulators of the systems that backends talk to, each written from its system's own document and from no
//! client. They accept what the document allows and refuse everything else, keep what they received, and play named
//! faults. They know nothing about portraitd.
//!
//! `server` is HTTP/1.1 on threads, `multipart` and `form` read forms, `picture` looks at pictures without decoding them,
//! `fetch` goes where a system is told that one lies, `gallery` is such a place, `faults` names what can go wrong and when it
//! strikes, `undercut` watches that a wait that was told is kept, and `simulator` puts all that around a system. Each system
//! is one module more and one line here.

pub(crate) mod faults;
pub(crate) mod fetch;
pub(crate) mod form;
pub(crate) mod multipart;
pub(crate) mod picture;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod simulator;
pub(crate) mod undercut;

pub(crate) mod creatorshub;
pub(crate) mod gallery;
pub(crate) mod igloo;
pub(crate) mod rocketchat;
pub(crate) mod staffbase;
