//! What the admin port says over a loop that answers, is stuck, or is gone.

use super::*;

use http_body_util::BodyExt as _;

use crate::glance::tests::glance;

type Events = mpsc::UnboundedReceiver<Event>;

fn admin() -> (Admin, Events) {
    let (events, loop_end) = mpsc::unbounded_channel();
    let listen = Listen::At { host: "127.0.0.1".into(), port: 0 };
    (Admin::new(&listen, Metrics::default(), events).unwrap(), loop_end)
}

/// A loop that answers everything with this change of the usual glance.
fn turning(mut events: Events, change: fn(&mut Glance)) {
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            match event {
                Event::Pinged(answer) => answer.send(()).unwrap(),
                Event::Glanced(answer) => {
                    let mut glance = glance();
                    change(&mut glance);
                    assert!(answer.send(glance).is_ok());
                }
                _ => panic!("the admin port changes nothing"),
            }
        }
    });
}

async fn said(admin: &Admin, path: &str) -> (u16, String) {
    let answer = admin.page(path).await.into_response();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

#[test]
fn off_is_no_admin_port() {
    let (events, _loop) = mpsc::unbounded_channel();
    assert!(Admin::new(&Listen::Off, Metrics::default(), events).is_none());
}

#[tokio::test]
async fn a_port_that_becomes_free_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (admin, _events) = admin();
    let admin = Admin { port: taken.local_addr().unwrap().port(), ..admin };
    let listening = admin.listen(Duration::from_millis(10));
    tokio::pin!(listening);
    assert!(timeout(Duration::from_millis(50), &mut listening).await.is_err());
    drop(taken);
    assert_eq!(listening.await.local_addr().unwrap().port(), admin.port);
}

#[tokio::test]
async fn a_loop_that_turns_is_well_and_names_nobody() {
    let (admin, events) = admin();
    turning(events, |_| {});
    assert_eq!(said(&admin, "/healthz").await, (200, "ok\n".into()));
    assert_eq!(said(&admin, "/readyz").await, (200, "ok\n".into()));
    for path in ["/status", "/metrics"] {
        let (status, body) = said(&admin, path).await;
        assert!(status == 200 && body.contains("intranet") && !body.contains("canary"), "{body}");
    }
    assert_eq!(said(&admin, "/").await.0, 404);
}

#[tokio::test]
async fn each_reason_that_it_is_not_ready_stands_on_a_line() {
    let (admin, events) = admin();
    turning(events, |glance| {
        glance.stopping = true;
        glance.ledger_waits = Duration::from_secs(99);
    });
    let expected = "the ledger has not been written for 99 s\nportraitd is stopping\n";
    assert_eq!(said(&admin, "/readyz").await, (503, expected.into()));
    assert_eq!(said(&admin, "/healthz").await.0, 200, "a restart would not make it ready");
}

#[tokio::test]
async fn a_loop_that_is_stuck_is_told() {
    let (admin, _events) = admin();
    let admin = Admin { patience: Duration::from_millis(20), ..admin };
    for path in ["/healthz", "/readyz", "/status", "/metrics"] {
        assert_eq!(said(&admin, path).await, (503, format!("{STUCK}\n")), "{path}");
    }
}

#[tokio::test]
async fn a_loop_that_is_gone_is_told() {
    let (admin, events) = admin();
    drop(events);
    assert_eq!(said(&admin, "/healthz").await, (503, format!("{STOPPING}\n")));
}
