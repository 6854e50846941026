//! No name reaches further than its owner: what an app could take for something else than one user's id or external id
//! changes nobody.

use super::*;
use crate::simulators::staffbase::Lookup;

/// What a row of a file of users may hold.
fn hostile(id: &str) -> Vec<String> {
    let long = "x".repeat(10_000);
    let names = [
        "me",
        "search",
        "../me",
        "me?status=activated",
        "me#",
        "%6d%65",
        ".",
        "..",
        "/",
        " ",
        "ä",
        "4711",
        "a\nb",
        "\u{7f}",
        "\" or externalId pr or externalId eq \"",
        "*",
        "\\",
        &long,
        &format!("{id}/../me"),
        &format!("{id} {id}"),
        &format!("{id}?a=b"),
        &format!("{id}0"),
        &id[1..],
    ];
    names.map(str::to_owned).into()
}

/// A stage whose users are named by the rows of a file: `row0`, `row1`, ...
fn with_rows(stage: &mut Stage, names: &[String]) {
    let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
    let rows: Vec<_> =
        names.iter().enumerate().map(|(number, name)| format!("row{number},{}\n", quoted(name))).collect();
    fs::write(stage.world.path("users.csv"), format!("userid,name\n{}", rows.concat())).unwrap();
    for (key, value) in
        [("file", stage.world.path("users.csv").to_str().unwrap()), ("key", "userid"), ("value", "name")]
    {
        stage.world.set(&format!("backend.intranet.users.{key}"), value);
    }
    let photo = Number { user: 9, version: 9 }.photo();
    for number in 0..names.len() {
        stage.world.copy_in(&format!("row{number}.jpg"), &photo);
    }
}

#[test]
fn what_is_no_id_goes_out_in_no_request() {
    let mut stage = Stage::new(1);
    let names = hostile(stage.id(1));
    with_rows(&mut stage, &names);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["absent"]), (0, &names.len().into()), "{summary}");
    assert_eq!(stage.requests(), [(PROBE.to_owned(), true)]);
}

#[test]
fn no_external_id_finds_somebody_else() {
    for lookup in [Lookup::Search, Lookup::ListOnly, Lookup::Unfiltered] {
        let mut stage = Stage::by_external_id(1);
        stage.app.set_manners(|manners| manners.lookup = lookup);
        let names = hostile(stage.id(1));
        with_rows(&mut stage, &names);
        let (code, summary) = stage.world.sync(&[]);
        assert_eq!((code, &summary["absent"]), (0, &names.len().into()), "{lookup:?} {summary}");
        assert_eq!((stage.app.own_updates(), stage.app.updates(stage.id(1))), (0, 0), "{lookup:?}");
        let asked = |line: &String| line.starts_with("GET /api/users?") || line.starts_with("GET /api/users/search?");
        assert!(stage.requests().iter().all(|(line, _)| asked(line)), "{:?}", stage.requests());
    }
}

#[test]
fn an_unknown_user_is_absent_and_two_spellings_of_an_id_are_a_conflict() {
    let mut stage = Stage::new(1);
    let id = stage.id(1).to_owned();
    with_rows(&mut stage, &[id.to_uppercase(), id.clone(), "5db0221d0a09a219c4ce9218".to_owned()]);
    let (code, summary) = stage.world.sync(&[]);
    assert_eq!((code, &summary["stopped"], &summary["absent"]), (1, &2.into(), &1.into()), "{summary}");
    assert_eq!(stage.app.updates(&id), 0);
    assert_eq!(stage.requests().iter().filter(|(line, _)| line.starts_with("POST /api/users/")).count(), 1);
}
