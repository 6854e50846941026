//! How requests go out: over few connections, as many at a time and as often as the config says, by no way that it does
//! not name, and not before a server wants to be asked again, from the first question on.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::*;

#[test]
fn as_many_at_a_time_as_the_config_says_over_as_many_connections() {
    let mut stage = Stage::with_photos(40);
    stage.world.set("backend.chat.concurrency", 3);
    stage.chat.set_latency(Duration::from_millis(20));
    assert_eq!(stage.world.sync(&[]).0, 0);
    stage.assert_all_arrived();
    assert_eq!(stage.set_requests().len(), 40);
    assert_eq!(stage.chat.most_at_once(), 3);
    // The client may have begun one more while another became free.
    assert!(stage.chat.connections() <= 4, "{} connections", stage.chat.connections());
}

#[test]
fn requests_keep_the_rate() {
    let mut stage = Stage::with_photos(12);
    stage.world.set("backend.chat.rate", "300/min");
    assert_eq!(stage.world.sync(&[]).0, 0);
    stage.assert_all_arrived();
    let mut times: Vec<Instant> = stage.chat.seen().into_iter().map(|seen| seen.at).collect();
    times.sort();
    let took = times[times.len() - 1] - times[0];
    // Each may arrive a little early after one that was late; all together may not.
    let least = Duration::from_millis(200) * (times.len() as u32 - 1) - Duration::from_millis(150);
    assert!(took >= least, "{} requests in {took:?}", times.len());
}

#[test]
fn a_server_that_limits_the_first_questions_is_waited_for() {
    let limited = |fault| {
        let stage = Stage::with_photos(5);
        stage.chat.fault_everywhere(fault, When::Next(1));
        assert_eq!(stage.world.sync(&["--wait", "60s"]).0, 0, "{fault:?}");
        stage.assert_all_arrived();
        assert_eq!(stage.chat.struck()[&fault], 1);
        assert_eq!(stage.set_requests().len(), 5, "{fault:?}: the pictures wait for the probe");
    };
    thread::scope(|scope| {
        for fault in [Fault::RetryAfterSeconds(429), Fault::TooManyByHeader, Fault::RetryAfterDate(503)] {
            scope.spawn(move || limited(fault));
        }
    });
}

#[test]
fn the_limiter_is_never_undercut() {
    const PHOTOS: u32 = 30;
    let stage = Stage::with_photos(PHOTOS);
    stage.chat.limit(10, Duration::from_secs(1));
    assert_eq!(stage.world.sync(&["--wait", "60s"]).0, 0);
    stage.assert_all_arrived();
    let requests = stage.set_requests().len();
    println!("the limiter, 10 a second: {requests} requests for {PHOTOS} photos");
    assert!(requests > PHOTOS as usize, "the limiter was not met");
    assert!(requests <= PHOTOS as usize * 2);
}

#[test]
fn a_proxy_of_the_environment_is_not_used_and_no_redirect_is_followed() {
    let stage = Stage::with_photos(1);
    stage.chat.fault(Fault::Redirect, When::Next(1));
    let mut sync = stage.world.command(&["sync", "--wait", "0s"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        sync.env(name, "http://127.0.0.1:9");
    }
    let told = stage.world.finish(sync, LONG).expect(1);
    assert!(told.err.contains("the answer 302"), "{}", told.err);
    assert!(stage.chat.seen().iter().all(|seen| seen.path != "/moved"), "{:?}", stage.chat.seen());
    assert_eq!(stage.set_requests().len(), 1);
}
