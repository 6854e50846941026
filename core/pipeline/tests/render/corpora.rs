//! What the fuzz targets have found worth keeping is answered as it must be.

use std::fs;

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a library for the fuzz targets")]
mod properties;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    files.collect()
}

#[test]
fn every_input_of_the_walk_is_answered() {
    let corpus = corpus("walk");
    assert!(corpus.len() >= 20);
    corpus.iter().for_each(|bytes| properties::walk(bytes));
}

#[test]
fn every_input_of_the_decoder_is_answered() {
    let corpus = corpus("decode");
    assert!(corpus.len() >= 20);
    corpus.iter().for_each(|input| properties::decode(input));
}
