//! No name reaches further than its owner: what a system could take for something else than one user's name changes nobody,
//! whether a row of a file says it or the drop name does.

use super::{Arena, Played, arena::BACKEND};

/// What a path, a query, a header, a form, JSON or a filter could take for something of its own. Spaces around a name are
/// none of it: the rows of a file are read without them.
fn hostile_anywhere() -> Vec<String> {
    let names = [
        "me",
        "..",
        ".",
        "/",
        "//",
        "a/b",
        "../me",
        "./me",
        "me/",
        "me?",
        "me#",
        "me;",
        "%6d%65",
        "%2e%2e",
        "%2e%2e/me",
        "%00",
        "?x=1",
        "#",
        "&",
        "=",
        "*",
        "\"",
        "\\",
        ") or (",
        "' or ''='",
        "{userid}",
        "me\0",
        " ",
        "\t",
        "a\tb",
        "a\nb",
        "a\r\nX-Y: z",
        "\u{7f}",
        "ä",
        "\u{202e}em",
        "\u{feff}me",
        "🙂",
    ];
    let long = ["x".repeat(5_000), "9".repeat(5_000), "../".repeat(1_000)];
    names.map(str::to_owned).into_iter().chain(long).collect()
}

/// Drop names that the folder takes.
const DROPPED: [&str; 5] = ["me", "search", "avatar", "null", "a..b"];

pub(super) fn hostile(arena: &mut Arena) -> Played {
    let names: Vec<_> = hostile_anywhere().into_iter().chain(arena.remote()?.hostile_names()).collect();
    let rows = by_rows(arena, &names);
    let drops = by_drop_names(&mut Arena::new(arena.variant));
    Ok(format!(
        "{} rows and {} drop names change nobody; {rows} and {drops} requests went out",
        names.len(),
        DROPPED.len()
    ))
}

fn by_rows(arena: &mut Arena, names: &[String]) -> usize {
    let drop_names: Vec<_> = (0..names.len()).map(|row| format!("row{row}")).collect();
    let rows = drop_names.iter().zip(names).map(|(name, remote)| (name.as_str(), remote.as_str()));
    arena.world.map_users(BACKEND, rows);
    change_nobody(arena, &drop_names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn by_drop_names(arena: &mut Arena) -> usize {
    change_nobody(arena, &DROPPED)
}

/// Photos of these drop names change nobody: all are absent. How many requests went out.
fn change_nobody(arena: &mut Arena, drop_names: &[&str]) -> usize {
    let user = arena.add_user();
    for name in drop_names {
        arena.drop_photo_as(name, user);
    }
    let (code, summary) = arena.sync(&["--wait", "0s"]);
    if (code, &summary["absent"]) != (0, &drop_names.len().into()) {
        let told = drop_names.iter().map(|name| (*name, arena.explain(name)));
        let others: Vec<_> = told.filter(|(_, told)| told["state"] != "absent").collect();
        panic!("not absent: {others:?}, {summary}");
    }
    arena.assert_shows_nothing();
    let remote = arena.remote().expect("the case has asked");
    let asked = remote.wire().seen();
    let wrong: Vec<_> = asked.iter().filter(|seen| !remote.may_ask(seen)).collect();
    assert!(wrong.is_empty(), "requests that no name may lead to: {wrong:#?}");
    asked.len()
}
