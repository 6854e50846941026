//! What a system refuses: a picture, the credentials, the pace.

use super::{Arena, Played};
use crate::{
    photos::Number,
    simulators::faults::{Fault, When},
};

const PHOTOS: usize = 4;

pub(super) fn picture_refused(arena: &mut Arena) -> Played {
    arena.remote()?;
    let (_, kept) = arena.delivered_user();
    let (user, before) = arena.delivered_user();
    arena.wire().fault(Fault::Status(400), When::UntilCleared);
    let name = arena.stand.name(user);
    let refused = arena.next(user);
    arena.drop_file(&name, refused);
    let (code, summary) = arena.sync(&["--wait", "0s"]);
    assert_eq!((code, &summary["stopped"]), (1, &1.into()), "{summary}");
    let (verdict, reason) = arena.last_attempt(&name);
    assert_eq!((verdict.as_str(), &arena.explain(&name)["state"]), ("image-rejected", &"stopped".into()), "{reason}");

    arena.wire().clear_faults();
    let requests = arena.wire().seen().len();
    assert_eq!(arena.sync(&[]).0, 1, "a picture that was refused is not in place");
    assert_eq!(arena.wire().seen().len(), requests, "it is not tried again");
    [kept, before].iter().for_each(|number| arena.assert_shows_exactly(*number));
    let newer = arena.drop_photo(user);
    arena.sync_delivers(1);
    arena.assert_shows_exactly(newer);
    arena.assert_own_unchanged();
    Ok(format!("stopped, another photo arrives: {reason}"))
}

pub(super) fn wrong_credentials(arena: &mut Arena) -> Played {
    arena.remote()?.set_credentials_known(false);
    let numbers = photos(arena);
    let (code, summary) = arena.sync(&["--wait", "1s"]);
    assert_eq!((code, &summary["waiting"]), (1, &PHOTOS.into()), "{summary}");
    let status = arena.status();
    assert_eq!(status["state"], "held", "{status}");
    let reason = status["reason"].as_str().expect("a reason").to_owned();
    let requests = arena.wire().seen().len();
    assert!(requests <= 2, "{requests} requests to learn that the credentials are wrong");
    for number in &numbers {
        let told = arena.explain(&arena.stand.name(number.user));
        let attempts = told["attempts"].as_array().map_or(0, Vec::len);
        assert!(attempts <= 1, "a photo has burned attempts: {told}");
    }
    arena.assert_shows_nothing();
    arena.remote()?.set_credentials_known(true);
    arena.sync_delivers(PHOTOS);
    arena.assert_show(&numbers);
    arena.assert_own_unchanged();
    Ok(format!("held after {requests} requests, all arrive when they are right: {reason}"))
}

pub(super) fn throttled(arena: &mut Arena) -> Played {
    arena.remote()?;
    arena.set("concurrency", 1);
    let numbers = photos(arena);
    arena.wire().fault(Fault::RetryAfterSeconds(429), When::Next(3));
    arena.sync_delivers(PHOTOS);
    arena.assert_show(&numbers);
    arena.assert_own_unchanged();
    let struck = arena.wire().struck(Fault::RetryAfterSeconds(429));
    assert_eq!(struck, 3);
    assert_eq!(arena.wire().undercuts(), [], "a told wait was undercut");
    assert_eq!(arena.taken(), PHOTOS * arena.taken_by_delivery(), "a picture was sent again");
    Ok(format!("{PHOTOS} photos, refused {struck} times; no told wait undercut, nothing sent again"))
}

fn photos(arena: &mut Arena) -> Vec<Number> {
    let users: Vec<_> = (0..PHOTOS).map(|_| arena.add_user()).collect();
    users.into_iter().map(|user| arena.drop_photo(user)).collect()
}
