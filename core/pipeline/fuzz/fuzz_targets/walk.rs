//! Looks for bytes with which `walk` of the library beside it does not hold.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portraitd_pipeline_fuzz::walk(bytes));
