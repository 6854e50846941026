//! An upload goes on where the workplace says that it stands, and begins again where it does not say so.

use super::*;

/// A stage with one photo that goes out in chunks of this size.
fn in_chunks(size: &str, counts: Counts) -> Stage {
    let mut stage = Stage::new(1);
    stage.world.copy_in(&format!("{}.jpg", guid(1)), &portrait("portrait.jpg"));
    stage.set("chunk-bytes", size);
    stage.igloo.set_counts(counts);
    stage
}

fn sync(stage: &Stage) {
    let (code, summary) = stage.world.sync(&["--wait", "60s"]);
    assert_eq!((code, &summary["delivered"]), (0, &1.into()), "{summary}\n{}", stage.explain(1));
    let picture = stage.igloo.picture(&guid(1)).expect("a photo");
    assert_eq!(Picture::decode("the photo", &picture).size(), (512, 512));
}

/// How many parts of 4 KiB the photo has.
fn chunks(stage: &Stage) -> usize {
    stage.igloo.picture(&guid(1)).expect("a photo").len().div_ceil(4_096)
}

#[test]
fn a_photo_goes_in_chunks() {
    for counts in [Counts::Told, Counts::Untold] {
        let stage = in_chunks("4KiB", counts);
        sync(&stage);
        assert!(chunks(&stage) > 2, "the picture is too small to be cut");
        assert_eq!((stage.count("PATCH", "/uploads/"), stage.igloo.entries()), (chunks(&stage), each_once(1)));
    }
}

#[test]
fn a_broken_upload_goes_on_where_the_workplace_says_that_it_stands() {
    let resets = [Fault::ResetWithin, Fault::ResetUnread, Fault::ResetBefore, Fault::ResetAfter];
    for fault in resets.into_iter().chain([Fault::Status(500)]) {
        for size in ["4KiB", "0"] {
            let stage = in_chunks(size, Counts::Told);
            // A reset on a connection that was used before is met by one repetition before the plugin hears of it.
            stage.igloo.fault(fault, When::Next(if fault == Fault::Status(500) { 1 } else { 2 }));
            sync(&stage);
            assert_eq!(stage.igloo.entries(), each_once(1), "{fault:?} {size}: {:?}", asked(&stage));
            assert_eq!(stage.attempts(1).len(), 1, "{fault:?} {size}: {:?}", asked(&stage));
        }
    }
}

#[test]
fn where_the_workplace_does_not_say_so_another_entry_is_begun() {
    for fault in [Fault::ResetWithin, Fault::ResetUnread, Fault::ResetAfter, Fault::TruncatedJson, Fault::FrontPage] {
        let stage = in_chunks("0", Counts::Untold);
        stage.igloo.fault(fault, When::Next(2));
        sync(&stage);
        let Entries { made, orphans, .. } = stage.igloo.entries();
        assert!((2..=3).contains(&made) && orphans == made - 1, "{fault:?}: {made} entries, {:?}", asked(&stage));
    }
}

fn asked(stage: &Stage) -> Vec<(String, Answer)> {
    let upload = |seen: &Seen| (seen.method.clone(), seen.answer);
    stage.igloo.seen().iter().filter(|seen| seen.path.contains("/attachments")).map(upload).collect()
}

#[test]
fn every_seventh_request_may_break_and_all_arrive() {
    for (fault, counts) in
        [(Fault::ResetWithin, Counts::Told), (Fault::ResetAfter, Counts::Untold), (Fault::Status(503), Counts::Told)]
    {
        let mut stage = Stage::with_photos(20);
        stage.set("chunk-bytes", "16KiB");
        stage.igloo.set_counts(counts);
        stage.igloo.fault_everywhere(fault, When::Every(7));
        stage.sync_all();
        println!(
            "{fault:?}, {counts:?}: {:?}, {} logins, {:?}",
            stage.igloo.entries(),
            stage.igloo.logins(),
            stage.igloo.struck()
        );
    }
}
