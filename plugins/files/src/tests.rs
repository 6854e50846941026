//! The plugin against scripts: no host, no folder.

use portraitd_sdk::message::{Effect, EffectErrorKind, Outcome, Reply};
use portraitd_sdk::script::{Order, Played, Script};
use portraitd_sdk::{Failure, Verdict};
use serde_json::{Value, json};

use crate::Files;
use crate::wire::Template;

fn open(settings: Value) -> Script<Files> {
    Script::open(settings).unwrap()
}

fn refused(settings: Value) -> String {
    let Failure { verdict, reason, .. } = Script::<Files>::open(settings).err().unwrap();
    assert_eq!(verdict, Verdict::Config, "{reason}");
    reason
}

fn put(path: &str, rendition: &str) -> Effect {
    Effect::FilePut { directory: "path".into(), path: path.into(), rendition: rendition.into() }
}

fn remove(path: &str) -> Effect {
    Effect::FileRemove { directory: "path".into(), path: path.into() }
}

/// A backend with one rendition whose only effect is answered like this.
fn one(reply: Reply) -> Played {
    let settings = json!({ "path": "out", "renditions": [{ "name": "icon", "width": 48, "height": 48 }] });
    open(settings).expect(put("ada/icon.jpg", "icon"), reply).deliver()
}

#[test]
fn every_rendition_becomes_a_file_of_its_own() {
    for order in [Order::Together, Order::OldestFirst, Order::NewestFirst] {
        let played = open(json!({ "path": "out" }))
            .user("ada.lovelace@example.com")
            .order(order)
            .expect(put("ada.lovelace@example.com/original.jpg", "original"), Reply::FilePut { changed: true })
            .expect(put("ada.lovelace@example.com/thumb.jpg", "thumb"), Reply::FilePut { changed: false })
            .expect(put("ada.lovelace@example.com/icon.jpg", "icon"), Reply::FilePut { changed: true })
            .deliver();
        let done = played.result.unwrap();
        assert_eq!(done.outcome, Outcome::Changed);
        assert_eq!(done.receipt["files"][2], "ada.lovelace@example.com/icon.jpg");
    }
}

#[test]
fn files_that_had_the_content_already_make_it_unchanged() {
    assert_eq!(one(Reply::FilePut { changed: false }).result.unwrap().outcome, Outcome::Unchanged);
}

#[test]
fn the_defaults_are_three_renditions() {
    let opened = open(json!({ "path": "out" })).opened().clone();
    let sizes: Vec<_> = opened.renditions.iter().map(|spec| (spec.name.as_str(), spec.width)).collect();
    assert_eq!(sizes, [("original", 2048), ("thumb", 200), ("icon", 48)]);
    assert!(opened.origins.is_empty());
}

#[test]
fn errors_of_the_folder_hold_the_backend_and_errors_of_the_disk_do_not() {
    let verdicts = [
        (EffectErrorKind::Denied, Verdict::Config),
        (EffectErrorKind::ReadOnly, Verdict::Config),
        (EffectErrorKind::NotFound, Verdict::Config),
        (EffectErrorKind::NoSpace, Verdict::Retry),
        (EffectErrorKind::Io, Verdict::Retry),
        (EffectErrorKind::Other, Verdict::Retry),
        (EffectErrorKind::InvalidName, Verdict::Unsupported),
    ];
    for (kind, verdict) in verdicts {
        let failure = one(Reply::error(kind, "as the system says")).result.unwrap_err();
        assert_eq!(failure.verdict, verdict, "{kind:?}");
        assert_eq!(failure.reason, "the file of `icon` could not be written: as the system says");
    }
}

#[test]
fn one_file_that_fails_fails_the_delivery_after_all_were_tried() {
    let played = open(json!({ "path": "out" }))
        .expect(put("ada/original.jpg", "original"), Reply::FilePut { changed: true })
        .expect(put("ada/thumb.jpg", "thumb"), Reply::error(EffectErrorKind::NoSpace, "the disk is full"))
        .expect(put("ada/icon.jpg", "icon"), Reply::FilePut { changed: true })
        .deliver();
    assert_eq!(played.result.unwrap_err().verdict, Verdict::Retry);
}

#[test]
fn removal_takes_every_file_of_the_user() {
    let played = open(json!({ "path": "out" }))
        .expect(remove("ada/original.jpg"), Reply::FileRemove { existed: true })
        .expect(remove("ada/thumb.jpg"), Reply::FileRemove { existed: false })
        .expect(remove("ada/icon.jpg"), Reply::FileRemove { existed: true })
        .remove();
    assert_eq!(played.result.unwrap().outcome, Outcome::Removed);
}

#[test]
fn removal_takes_what_the_last_delivery_published_by_another_name() {
    let settings =
        json!({ "path": "out", "name": "{userid}.jpg", "renditions": [{ "name": "icon", "width": 48, "height": 48 }] });
    open(settings.clone())
        .receipt(json!({ "path": "out", "files": ["old/ada.jpg", "ada.jpg"] }))
        .expect(remove("ada.jpg"), Reply::FileRemove { existed: true })
        .expect(remove("old/ada.jpg"), Reply::FileRemove { existed: true })
        .remove()
        .result
        .unwrap();
    open(settings)
        .receipt(json!({ "path": "elsewhere", "files": ["old/ada.jpg"] }))
        .expect(remove("ada.jpg"), Reply::FileRemove { existed: true })
        .remove()
        .result
        .unwrap();
}

#[test]
fn settings_that_cannot_work_are_refused_by_their_key() {
    assert_eq!(refused(json!({})), "missing field `path`");
    assert_eq!(refused(json!({ "path": "" })), "`path`: it must name a folder");
    assert_eq!(
        refused(json!({ "path": "out", "pth": 1 })),
        "`pth`: unknown field `pth`, expected one of `path`, `name`, `renditions`"
    );
    assert_eq!(refused(json!({ "path": "out", "renditions": [] })), "`renditions`: there must be at least one");
    let wide = refused(json!({ "path": "out", "renditions": [{ "name": "a", "width": "wide", "height": 1 }] }));
    assert!(wide.starts_with("`renditions[0].width`: "), "{wide}");
    let same = json!({ "name": "a", "width": 9, "height": 9 });
    let twice = refused(json!({ "path": "out", "renditions": [same, same] }));
    assert_eq!(twice, "`renditions[1].name`: `a` is there twice");
    let fit = json!([{ "name": "a", "width": 9, "height": 9, "fit": "stretch" }]);
    let fit = refused(json!({ "path": "out", "renditions": fit }));
    assert!(fit.contains("expected `exact` or `at-most`"), "{fit}");
}

#[test]
fn names_that_leave_the_folder_or_clash_are_refused() {
    let two = ["icon", "thumb"];
    let refused = |name: &str| Template::parse(name, &two).unwrap_err().reason;
    for name in ["/{userid}/{rendition}", "../{userid}/{rendition}", "{userid}/../{rendition}", "{userid}//{rendition}"]
    {
        assert!(refused(name).starts_with("`name`: "), "{name}");
    }
    assert_eq!(refused("{rendition}.jpg"), "`name`: lacks {userid}, so all users would share one file");
    assert_eq!(refused("{userid}.jpg"), "`name`: lacks {rendition}, so all renditions would share one file");
    let unknown = refused("{userid}/{size}/{rendition}");
    assert_eq!(unknown, "`name`: {size} is not known; there are {userid} and {rendition}");
    assert!(refused("{userid/{rendition}").contains("is not known"));
    assert!(refused("{userid}/}{rendition}").contains("brace without its other half"));
    Template::parse("{userid}.jpg", &["icon"]).unwrap();
}

#[test]
fn two_users_never_share_a_file() {
    let clash = Template::parse("{userid}-{rendition}.jpg", &["icon", "big-icon"]).unwrap_err();
    assert!(clash.reason.contains("two users may share one file"), "{}", clash.reason);
    Template::parse("{rendition}-{userid}.jpg", &["icon", "icon-big"]).unwrap_err();
    Template::parse("{userid}{rendition}.jpg", &["icon", "bigicon"]).unwrap_err();
    Template::parse("{userid}-{rendition}.jpg", &["icon", "thumb"]).unwrap();
    Template::parse("{userid}/{rendition}.jpg", &["icon", "big-icon"]).unwrap();
    Template::parse("{userid}/{userid}-{rendition}.jpg", &["icon", "big-icon"]).unwrap();
}

#[test]
fn a_user_id_that_makes_no_file_name_is_told_for_this_user_only() {
    for user in ["..", ".", "a/b/../c", &"x".repeat(300)] {
        let failure = open(json!({ "path": "out" })).user(user).deliver().result.unwrap_err();
        assert_eq!(failure.verdict, Verdict::Unsupported, "{user}");
    }
}

#[test]
fn another_path_or_name_makes_published_photos_stale_and_other_renditions_alone_do_not() {
    let fingerprint = |settings: Value| open(settings).opened().fingerprint.clone();
    let plain = fingerprint(json!({ "path": "out" }));
    assert_eq!(plain, fingerprint(json!({ "name": "{userid}/{rendition}.jpg", "path": "out" })), "defaults count");
    assert_ne!(plain, fingerprint(json!({ "path": "elsewhere" })));
    assert_ne!(plain, fingerprint(json!({ "path": "out", "name": "{rendition}/{userid}.jpg" })));
    let renditions = json!([{ "name": "icon", "width": 48, "height": 48 }]);
    assert_eq!(plain, fingerprint(json!({ "path": "out", "renditions": renditions })), "that is the recipe's part");
}
