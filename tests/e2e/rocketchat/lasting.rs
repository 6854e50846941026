//! What does not pass has its verdict, costs a few requests and no photo: all arrive when it is gone and a person has
//! said so.

use std::thread;

use super::*;

const PHOTOS: u32 = 10;
const CONCURRENCY: u32 = 4;

/// What a person sees while a fault lasts.
struct Row {
    fault: Fault,
    verdict: &'static str,
    state: &'static str,
}

const fn holds(fault: Fault, verdict: &'static str) -> Row {
    Row { fault, verdict, state: "held" }
}

const fn stops(fault: Fault, verdict: &'static str) -> Row {
    Row { fault, verdict, state: "up" }
}

const LASTING: [Row; 7] = [
    stops(Fault::Status(400), "image-rejected"),
    holds(Fault::Status(401), "auth"),
    holds(Fault::Status(403), "auth"),
    holds(Fault::Status(404), "config"),
    stops(Fault::Status(413), "image-rejected"),
    stops(Fault::Status(415), "image-rejected"),
    holds(Fault::Redirect, "config"),
];

impl Row {
    /// Lets the fault last, and then go. A line for the table.
    fn play(&self) -> String {
        let mut stage = Stage::with_photos(PHOTOS);
        stage.world.set("backend.chat.concurrency", CONCURRENCY);
        stage.chat.fault(self.fault, When::UntilCleared);
        stage.world.start();
        let status = stage.wait_status("told", |status| self.is_told(status));
        let (verdict, reason) = (1..=PHOTOS).find_map(|user| stage.attempts(user).pop()).expect("one was attempted");
        assert_eq!(verdict, self.verdict, "{:?}: {reason}", self.fault);
        let requests = stage.set_requests().len();
        assert!(requests <= if self.state == "held" { CONCURRENCY } else { PHOTOS } as usize, "{:?}", self.fault);
        assert!(stage.chat.pictures().is_empty());
        stage.chat.clear_faults();
        stage.world.portraitd(&["retry"]).expect(0);
        stage.wait_all_done();
        stage.assert_all_arrived();
        let (fault, state, stopped) = (format!("{:?}", self.fault), self.state, status["stopped"].to_string());
        format!("{fault:11} | {verdict:14} | {state:5} | {stopped:>7} | {requests:8} | {reason}")
    }

    fn is_told(&self, status: &Value) -> bool {
        let (stopped, rests) = (if self.state == "held" { 0 } else { PHOTOS }, status["in-flight"] == 0);
        status["state"] == self.state && status["stopped"] == stopped && rests
    }
}

#[test]
fn each_lasting_answer_has_its_verdict_and_all_arrive_when_it_is_gone() {
    let lines: Vec<String> = thread::scope(|scope| {
        let plays: Vec<_> = LASTING.iter().map(|row| scope.spawn(|| row.play())).collect();
        plays.into_iter().map(|play| play.join().unwrap()).collect()
    });
    println!("{:11} | {:14} | {:5} | stopped | requests | reason", "answer", "verdict", "state");
    for line in lines {
        println!("{line}");
    }
}
