//! Whose photo it is: by e-mail exactly one, and by no name anybody else.

use super::*;

/// A stage where members are called by their e-mail addresses, or by what a row says.
fn by_email(members: u32, rows: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::new(members);
    stage.set("user", "email");
    write_rows(&mut stage, rows);
    stage
}

/// Lets each drop name be called as its row says, and drops a photo for each.
fn write_rows(stage: &mut Stage, rows: &[(&str, &str)]) {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let lines: String = rows.iter().map(|(drop, remote)| format!("{drop},{}\n", quoted(remote))).collect();
    fs::write(stage.world.path("users.csv"), format!("userid,igloo\n{lines}")).unwrap();
    let path = stage.world.path("users.csv").to_str().unwrap().to_owned();
    for (key, value) in [("file", path.as_str()), ("key", "userid"), ("value", "igloo")] {
        stage.world.set(&format!("backend.workplace.users.{key}"), value);
    }
    for (number, (drop, _)) in (1..).zip(rows) {
        stage.world.copy_in(&format!("{drop}.jpg"), &Number { user: number, version: 1 }.photo());
    }
}

#[test]
fn by_email_the_one_whose_address_it_is_gets_the_photo() {
    let stage =
        by_email(12, &[("ada", "USER1@example.com"), ("bob", "user12@Example.com"), ("cyd", "user3@example.co")]);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"], &summary["absent"]), (0, &2.into(), &1.into()), "{summary}");
    let pictures = stage.igloo.pictures();
    assert_eq!(pictures.keys().collect::<Vec<_>>(), [&guid(1), &guid(12)]);
    assert_eq!(stage.number(1), Some(Number { user: 1, version: 1 }));
    assert_eq!(stage.number(12), Some(Number { user: 2, version: 1 }));
    assert_eq!(stage.count("GET", "/search/members"), 3);
    assert_eq!(stage.igloo.entries(), each_once(2), "nothing is uploaded for nobody");
}

#[test]
fn an_address_that_two_have_is_nobodys() {
    let stage = by_email(1, &[("ada", "user1@example.com")]);
    stage.igloo.add_member(&guid(2), "User1@example.com");
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["stopped"]), (1, &1.into()), "{summary}");
    let told = stage.world.explain("ada")["backends"][WORKPLACE].take();
    assert_eq!(told["attempts"][0]["verdict"], "user-ambiguous", "{told}");
    assert_eq!((stage.igloo.pictures().len(), stage.igloo.entries().made), (0, 0));
}

#[test]
fn whoever_left_and_came_back_is_found_again() {
    let mut stage = by_email(1, &[("ada", "user1@example.com")]);
    stage.world.start();
    stage.wait_all_done();
    stage.igloo.remove_member(&guid(1));
    stage.world.copy_in("ada.jpg", &Number { user: 1, version: 2 }.photo());
    stage.wait_status("absent", |status| status["absent"] == 1);
    stage.igloo.add_member(&guid(2), "user1@example.com");
    stage.world.portraitd(&["retry", "ada"]).expect(0);
    wait_until("the photo of the new account", LONG, || (stage.number(2)?.version == 2).then_some(()));
}

#[test]
fn no_name_reaches_further_than_its_owner() {
    let long = "a".repeat(10_000);
    let hostile = [
        "me",
        "..",
        "../../../api/Session/Create",
        "?type=ProfilePhoto&x=",
        "%2e%2e",
        "*",
        "00000000-0000-0000-0000-000000000000",
        "4d0f2a1c-0000-4000-8000-000000000001/../x",
        "4d0f2a1c-0000-4000-8000-000000000001?x",
        "{4d0f2a1c-0000-4000-8000-000000000001}",
        "4d0f2a1c-0000-4000-8000-00000000000\u{661}",
        "\u{7}\r\nX: y",
        &long,
    ];
    let drops: Vec<String> = (1..=hostile.len()).map(|number| format!("user{number}")).collect();
    let rows: Vec<_> = drops.iter().map(String::as_str).zip(hostile).collect();
    let mut stage = Stage::new(1);
    write_rows(&mut stage, &rows);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["absent"]), (0, &hostile.len().into()), "{summary}");
    assert_eq!(stage.igloo.seen().len(), 2, "a login and a probe: {:?}", stage.igloo.seen());
    stage.set("user", "email");
    let hostile =
        ["*@*", "user1@example.com,user2@example.com", "user1@example.com\u{0}", "user1%40example.com", "@", ""];
    let rows: Vec<_> = drops.iter().map(String::as_str).zip(hostile).collect();
    write_rows(&mut stage, &rows);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["delivered"]), (0, &0.into()), "{summary}");
    assert!(stage.igloo.pictures().is_empty() && stage.igloo.entries().made == 0);
    assert_eq!(stage.igloo.picture(CALLER), None);
}
