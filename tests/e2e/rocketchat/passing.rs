//! Whatever passes costs time and requests, and no photo: every seventh request fails, by each fault in turn.

use std::{
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use super::*;

const PHOTOS: u32 = 30;
/// How many worlds there are at a time. They mostly wait.
const AT_A_TIME: usize = 8;

const PASSING: [Fault; 28] = [
    Fault::Hang,
    Fault::Drip,
    Fault::Outage,
    Fault::RetryAfterSeconds(429),
    Fault::RetryAfterDate(429),
    Fault::RetryAfterSeconds(503),
    Fault::RetryAfterDate(503),
    Fault::TooManyByHeader,
    Fault::TooManyByText,
    Fault::TooManyAs400,
    Fault::Status(429),
    Fault::Status(408),
    Fault::Status(425),
    Fault::Status(500),
    Fault::Status(502),
    Fault::Status(503),
    Fault::Status(504),
    Fault::ForbiddenPage,
    Fault::ResetUnread,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::ShortBody,
    Fault::TruncatedJson,
    Fault::WrongJson,
    Fault::FrontPage,
    Fault::ErrorIn200,
    Fault::Oversized,
    Fault::EndlessHeaders,
];

/// What one fault cost.
struct Cost {
    fault: Fault,
    struck: usize,
    requests: usize,
    took: Duration,
}

fn stage(fault: Fault) -> Stage {
    let mut stage = Stage::with_photos(PHOTOS);
    stage.world.set("backend.chat.concurrency", 6);
    if fault == Fault::Outage {
        stage.chat.set_latency(Duration::from_millis(50));
    } else {
        stage.chat.fault(fault, When::Every(7));
    }
    stage
}

/// A restart of the server when the first pictures are there.
fn restart(stage: &Stage) {
    wait_until("the first pictures", LONG, || (stage.chat.pictures().len() > 5).then_some(()));
    stage.chat.fault(Fault::Outage, When::UntilCleared);
    thread::sleep(Duration::from_secs(2));
    stage.chat.clear_faults();
}

fn suffer(fault: Fault) -> Cost {
    let stage = stage(fault);
    let began = Instant::now();
    let (code, summary) = thread::scope(|scope| {
        if fault == Fault::Outage {
            scope.spawn(|| restart(&stage));
        }
        stage.world.sync(&["--wait", "60s"])
    });
    assert_eq!((code, &summary["delivered"]), (0, &PHOTOS.into()), "{fault:?}: {summary}");
    stage.assert_all_arrived();
    let requests = stage.set_requests().len();
    let struck = if fault == Fault::Outage { 1 } else { stage.chat.struck()[&fault] };
    assert!(fault == Fault::Outage || struck >= 4, "{fault:?} struck {struck} times only");
    // What was sent once more at once, on a new connection, may strike again.
    assert!(requests <= PHOTOS as usize + 2 * struck + 6, "{fault:?}: {requests} requests, {struck} of them struck");
    Cost { fault, struck, requests, took: began.elapsed() }
}

fn print(costs: &[Cost]) {
    println!("{:24} | photos | struck | requests | per delivery | seconds | undercut", "every 7th request");
    for Cost { fault, struck, requests, took } in costs {
        let (fault, each) = (format!("{fault:?}"), *requests as f64 / f64::from(PHOTOS));
        let seconds = took.as_secs_f64();
        println!("{fault:24} | {PHOTOS:6} | {struck:6} | {requests:8} | {each:12.2} | {seconds:7.1} | {:8}", 0);
    }
}

#[test]
fn all_arrive_whatever_passing_fault_strikes_every_seventh_request() {
    let (left, costs) = (Mutex::new(PASSING.to_vec()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(fault) = left.lock().unwrap().pop() else { break };
                    let cost = suffer(fault);
                    costs.lock().unwrap().push(cost);
                }
            });
        }
    });
    let mut costs = costs.into_inner().unwrap();
    costs.sort_by_key(|cost| cost.fault);
    print(&costs);
}

#[test]
fn the_limiter_is_never_undercut() {
    let stage = Stage::with_photos(PHOTOS);
    stage.chat.limit(10, Duration::from_secs(1));
    assert_eq!(stage.world.sync(&["--wait", "60s"]).0, 0);
    stage.assert_all_arrived();
    let requests = stage.set_requests().len();
    println!("the limiter, 10 a second: {requests} requests for {PHOTOS} photos");
    assert!(requests > PHOTOS as usize, "the limiter was not met");
    assert!(requests <= PHOTOS as usize * 2);
}
