//! A port that another program has: nobody is told of what would not answer, others are served, and it ends by itself.

use std::net::TcpListener;

use super::*;

#[test]
fn while_the_port_is_taken_nobody_is_told_of_a_picture_and_others_get_theirs() {
    let mut stage = Stage::new(1);
    stage.world.set("backend.portraits.enabled", true);
    let taken = TcpListener::bind(stage.address()).unwrap();
    stage.drop_photo(Number { user: 1, version: 1 });
    stage.world.start();
    stage.world.wait_published("portraits/user1/icon.jpg");
    let status = stage.world.status()["backends"]["chat"].take();
    let reason = status["reason"].to_string();
    assert_eq!((&status["state"], &status["due"]), (&"down".into(), &1.into()), "{status}");
    assert!(reason.contains("publish.listen") && reason.contains(&stage.port.0.to_string()), "{reason}");
    assert_eq!((stage.told().len(), stage.names().len()), (0, 0));
    let log = stage.world.log();
    assert!(log.lines().any(|line| line.contains("ERROR") && line.contains("set publish.listen")), "{log}");
    drop(taken);
    wait_until("the picture", LONG, || stage.number_at_server(1));
    stage.wait_done(1);
    let attempts = stage.world.explain("user1")["backends"]["chat"]["attempts"].take();
    assert_eq!(attempts.as_array().map(Vec::len), Some(1), "the wait cost no attempt: {attempts}");
}

#[test]
fn a_pass_without_the_port_says_so_and_delivers_the_rest() {
    let mut stage = Stage::new(1);
    stage.world.set("backend.portraits.enabled", true);
    let _taken = TcpListener::bind(stage.address()).unwrap();
    stage.drop_photo(Number { user: 1, version: 1 });
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["waiting"]), (1, &1.into(), &1.into()), "{summary}");
    assert_eq!(stage.told().len(), 0);
}
