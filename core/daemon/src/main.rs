//! The binary `portraitd`.
fn main() {}
