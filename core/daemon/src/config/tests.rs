//! What is read from a config file, what is refused, and how people are told.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portraitd_pipeline::Warning;
use portraitd_reconcile::Missing;

use super::values::{Bytes, Colour, Pixels};

const SHIPPED: &str = include_str!("../../../../config/portraitd.toml");
const SNIPPETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/backends");

/// The text as people see it for this file, without its first line.
fn told(text: &str) -> String {
    match Config::parse(text) {
        Ok(config) => panic!("accepted: {config:?}"),
        Err(wrong) => wrong.tell(Trouble::new(Exit::Config, "")).to_string().replacen("error: \n", "", 1),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let told = told(text);
    assert!(told.contains("\nhint: "), "without a hint: {told}");
    let general = format!("\nhint: {}", wrong::CORRECT);
    assert_eq!(told.replace(&general, ""), expected);
}

/// The file with every key that is commented out switched on. A line that starts with `#` and no space is such a key.
fn uncommented(text: &str) -> String {
    let switched_on = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.is_empty() && !key.starts_with(' ') => key.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(switched_on).collect::<Vec<_>>().join("\n")
}

fn without_backends(text: &str) -> Config {
    let mut config = Config::parse(text).unwrap();
    config.backend.clear();
    config
}

#[test]
fn an_empty_file_is_the_defaults_and_has_no_backend() {
    assert_eq!(Config::parse("").unwrap(), Config::default());
    assert!(Config::default().backend.is_empty());
}

#[test]
fn the_shipped_file_is_the_defaults_and_one_backend() {
    let config = Config::parse(SHIPPED).unwrap();
    assert_eq!(without_backends(SHIPPED), Config::default());
    let (name, backend) = config.backend.iter().next().unwrap();
    assert_eq!((config.backend.len(), name.as_str()), (1, "portraits"));
    let bare = "[backend.portraits]\nplugin = 'PLUGIN'".replace("PLUGIN", &backend.plugin.to_string());
    let mut expected = Config::parse(&bare).unwrap().backend.remove(name).unwrap();
    expected.settings.insert("path".into(), "portraits".into());
    assert_eq!(backend, &expected);
}

#[test]
fn the_shipped_file_with_every_commented_key_switched_on_is_still_the_defaults() {
    let text = uncommented(SHIPPED);
    assert_ne!(text, SHIPPED, "some keys are shown in commented form");
    assert_eq!(without_backends(&text), Config::default());
}

/// A key that is missing from the shipped file would be one that nobody learns of.
#[test]
fn the_shipped_file_has_every_key() {
    for text in [
        "[X]",
        "[folder]\nX = 1",
        "[state]\nX = 1",
        "[photo]\nX = 1",
        "[log]\nX = 1",
        "[admin]\nX = 1",
        "[run]\nX = 1",
        "[plugins]\nX = 1",
        "[http]\nX = 1",
        "[publish]\nX = 1",
    ] {
        let section = text.strip_prefix('[').and_then(|text| text.split_once(']')).unwrap().0;
        let told = told(&text.replace('X', "zzzzzzzz"));
        let keys = told.split_once(" are ").unwrap().1;
        for key in keys.split(", ") {
            let table: toml::Table = toml::from_str(&uncommented(SHIPPED)).unwrap();
            let found = if section == "X" {
                table.contains_key(key)
            } else {
                table[section].as_table().unwrap().contains_key(key)
            };
            assert!(found, "{section}: {key}");
        }
    }
}

#[test]
fn every_backend_block_parses_as_it_stands_and_with_its_comments_switched_on() {
    for entry in fs::read_dir(SNIPPETS).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let (plain, full) = (Config::parse(&text).unwrap(), Config::parse(&uncommented(&text)).unwrap());
        assert_eq!(plain.backend.keys().collect::<Vec<_>>(), full.backend.keys().collect::<Vec<_>>());
        assert_eq!(without_backends(&text), Config::default());
        for (name, mut backend) in full.backend {
            let plain = &plain.backend[&name];
            assert!(plain.settings.iter().all(|(key, value)| backend.settings.get(key) == Some(value)));
            backend.settings.clone_from(&plain.settings);
            assert_eq!(plain, &backend);
        }
    }
}

#[test]
fn a_misspelt_key_is_told_with_its_line_and_what_was_meant() {
    check(
        "[folder]\npath = 'drop'\nsetle = '2s'\n",
        "because: line 3: folder.setle: unknown key\nhint: did you mean settle? the keys of folder are path, settle, \
         rescan, watch, extensions, user-id, conflict, absence, brake",
    );
    check(
        "[foldre]\n",
        "because: line 1: foldre: unknown key\nhint: did you mean folder? there are folder, state, photo, plugins, log, \
         admin, http, publish, backend, run",
    );
}

#[test]
fn a_plugins_setting_in_the_wrong_place_is_told_where_it_goes() {
    check(
        "[backend.intranet]\nplugin = 'x'\nbase-url = 'y'",
        "because: line 3: backend.intranet.base-url: unknown key\nhint: the keys of backend.intranet are plugin, enabled, \
         concurrency, rate, timeout, remove, users, verify, owner, settings; settings of the plugin go under [backend.intranet.settings]",
    );
}

#[test]
fn keys_of_later_versions_are_unknown_and_not_ignored() {
    let text = "backend.x = { plugin = 'y', isolation = 'process' }";
    assert!(told(text).contains(": unknown key"), "{}", told(text));
}

#[test]
fn users_are_named_by_a_template_or_by_the_rows_of_a_file() {
    let text = |users: &str| format!("[backend.x]\nplugin = 'y'\nusers = {users}");
    let parsed = |users: &str| Config::parse(&text(users)).unwrap().backend.into_values().next().unwrap().users;
    assert_eq!(parsed("{ template = '{userid}@example.com' }"), UsersConfig::Template("{userid}@example.com".into()));
    let file = |missing| UserFile { path: "users.csv".into(), key: "userid".into(), value: "id".into(), missing };
    let columns = "file = 'users.csv', key = 'userid', value = 'id'";
    assert_eq!(parsed(&format!("{{ {columns} }}")), UsersConfig::File(file(Missing::Wait)));
    assert_eq!(parsed(&format!("{{ {columns}, missing = 'skip' }}")), UsersConfig::File(file(Missing::Skip)));
    for (wrong, because) in [
        ("{ template = 'everybody' }", "template: {userid} must stand in it, once"),
        ("{ template = '{userid}', missing = 'skip' }", "give `template` alone, or `file` with"),
        ("{ file = 'users.csv' }", "file: `key` and `value` must say which columns"),
        ("{}", "give `template` alone"),
        ("{ templat = '{userid}' }", "unknown key"),
        ("{ file = '', key = 'a', value = 'b' }", "give `template` alone"),
    ] {
        let told = told(&text(wrong));
        assert!(told.contains("line 3: backend.x.users") && told.contains(because), "{wrong}: {told}");
    }
}

#[test]
fn rate_and_timeout_of_a_backend_are_checked_against_each_other() {
    let backend = |keys: &str| format!("[backend.x]\nplugin = 'y'\n{keys}");
    let parsed = |keys: &str| Config::parse(&backend(keys)).unwrap().backend.into_values().next().unwrap();
    assert_eq!((parsed("").rate, parsed("").timeout), (None, Duration::from_secs(60)));
    assert_eq!(parsed("rate = '10/s'").rate.unwrap().interval(), Duration::from_millis(100));
    assert_eq!(parsed("rate = '60 / min'").rate.unwrap().interval(), Duration::from_secs(1));
    for wrong in ["'60'", "'60/day'", "'x/min'", "'0/min'", "60"] {
        let told = told(&backend(&format!("rate = {wrong}")));
        assert!(told.contains("line 3: backend.x.rate: "), "{told}");
    }
    let slow = told(&backend("rate = '1/h'"));
    assert!(slow.contains("backend.x.rate: is too slow for 4 deliveries at a time"), "{slow}");
    for wrong in ["'10ms'", "'2h'"] {
        let told = told(&backend(&format!("timeout = {wrong}")));
        assert!(told.contains("backend.x.timeout: must be 1s to 1h"), "{told}");
    }
}

#[test]
fn a_proxy_is_a_url_without_a_password() {
    assert_eq!(Config::parse("[http]\nproxy = ''\nca-file = ''").unwrap().http, HttpConfig::default());
    let http = Config::parse("[http]\nproxy = 'http://proxy:3128'\nca-file = 'ca.pem'").unwrap().http;
    assert_eq!((http.proxy.unwrap().as_str(), http.ca_file.unwrap()), ("http://proxy:3128/", "ca.pem".into()));
    for (wrong, why) in [("proxy:3128", "is not the URL"), ("http://me:hunter2@proxy", "must not hold a password")] {
        let told = told(&format!("[http]\nproxy = '{wrong}'"));
        assert!(told.contains("line 2: http.proxy: ") && told.contains(why) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn pictures_are_published_at_an_address_and_a_url_or_not_at_all() {
    let road = |listen: &str, url: &str| {
        let config = Config::parse(&format!("[publish]\nlisten = '{listen}'\nurl = '{url}'")).unwrap();
        config.publish.road().map(|(listen, url)| (listen.to_string(), url.to_string()))
    };
    assert_eq!(road("", ""), None);
    let pair = |listen: &str, url: &str| Some((listen.to_owned(), url.to_owned()));
    assert_eq!(road("0.0.0.0:8788", "https://photos.example.com"), pair("0.0.0.0:8788", "https://photos.example.com/"));
    assert_eq!(road("[::1]:8788", "http://h:1/a/b/"), pair("[::1]:8788", "http://h:1/a/b/"));
    for wrong in ["8788", "localhost:8788", "0.0.0.0", "off"] {
        check(
            &format!("publish.listen = '{wrong}'"),
            &format!(
                "because: line 1: publish.listen: {wrong:?} is not an IP address with a port such as \"0.0.0.0:8788\""
            ),
        );
    }
    for wrong in ["photos.example.com", "ftp://a", "http://", "https://a?b", "https://a/#c", "https://me:hunter2@a"] {
        check(
            &format!("publish.url = '{wrong}'"),
            "because: line 1: publish.url: is not a URL such as \"https://photos.example.com\", without a user, `?` and `#`",
        );
    }
    check("publish.listen = '[::]:1'", "because: line 1: publish.listen: needs publish.url beside it");
    check("[publish]\nurl = 'http://a'", "because: line 2: publish.url: needs publish.listen beside it");
}

#[test]
fn bad_values_are_told_with_the_path_of_their_key() {
    check(
        "[folder]\nwatch = 'pol'",
        "because: line 2: folder.watch: \"pol\" is not one of auto, events, poll\nhint: did you mean poll?",
    );
    check(
        "folder.settle = 2",
        "because: line 1: folder.settle: 2 is not a duration such as \"2s\", \"5m\" or \"1h 30m\"",
    );
    check(
        "folder.settle = 'soon'",
        "because: line 1: folder.settle: \"soon\" is not a duration such as \"2s\", \"5m\" or \"1h 30m\"",
    );
    check("folder.path = ''", "because: line 1: folder.path: must not be empty");
    check(
        "[folder]\nextensions = [\n  'jpg',\n  'bmp',\n]",
        "because: line 4: folder.extensions[1]: \"bmp\" is not a format of this version, which reads jpg, jpeg, png, webp, gif, heic, heif",
    );
    check("folder.extensions = []", "because: line 1: folder.extensions: must name at least one");
    check(
        "photo.max-pixels = '120'",
        "because: line 1: photo.max-pixels: \"120\" is not a number of pixels such as \"120MP\"",
    );
    check("photo.max-bytes = 'big'", "because: line 1: photo.max-bytes: \"big\" is not a size such as \"32MiB\"");
    check("photo.max-bytes = 32", "because: line 1: photo.max-bytes: must be 1KiB to 1GiB");
    check("folder.brake = '101%'", "because: line 1: folder.brake: must be 0% to 100%");
    check("folder.brake = 5", "because: line 1: folder.brake: 5 is not a share such as \"5%\"");
    check("folder.brake = '-5%'", "because: line 1: folder.brake: \"-5%\" is not a share such as \"5%\"");
}

#[test]
fn the_admin_port_is_an_address_a_name_or_off() {
    let listen = |text: &str| Config::parse(&format!("admin.listen = '{text}'")).unwrap().admin.listen;
    assert_eq!(listen("off"), Listen::Off);
    for text in ["127.0.0.1:8787", "[::1]:0", "localhost:80", "portraits.example:8787"] {
        assert_eq!(listen(text).to_string(), text);
    }
    assert_eq!(Config::default().admin.listen, listen("127.0.0.1:8787"));
    for wrong in
        ["", "8787", ":8787", "127.0.0.1", "127.0.0.1:65536", "127.0.0:80", "::1:80x", "a b:80", "Off", "[x]:1"]
    {
        check(
            &format!("[admin]\nlisten = '{wrong}'"),
            &format!(
                "because: line 2: admin.listen: {wrong:?} is not an address with a port such as \"127.0.0.1:8787\", nor \
                 \"off\""
            ),
        );
    }
    check(
        "admin.listen = 8787",
        "because: line 1: admin.listen: 8787 is not an address with a port such as \"127.0.0.1:8787\", nor \"off\"",
    );
}

#[test]
fn a_backend_must_be_well_named_and_name_its_plugin() {
    check("[log]\n[backend.intranet]\nenabled = true", "because: line 2: backend.intranet: the key plugin is missing");
    check(
        "[backend.Intranet]\nplugin = 'x'",
        "because: line 1: backend.Intranet: \"Intranet\" is no backend's name: 1 to 64 lower-case letters, digits and \
         hyphens, the first not a hyphen",
    );
    check(
        "[backend.x]\nplugin = '../x'",
        "because: line 2: backend.x.plugin: \"../x\" is no plugin's name: 1 to 64 lower-case letters, digits and hyphens, \
         the first not a hyphen",
    );
    check("[backend.x]\nplugin = 'y'\nconcurrency = 65", "because: line 3: backend.x.concurrency: must be 1 to 64");
    check("[backend.x]\nplugin = 'y'\nconcurrency = 0", "because: line 3: backend.x.concurrency: must be 1 to 64");
}

#[test]
fn a_user_id_pattern_must_be_whole_and_name_the_user() {
    check(
        "folder.user-id = '[a-z]+'",
        "because: line 1: folder.user-id: has no group (?<userid>...), so nobody's photo would be found",
    );
    check("folder.user-id = '(?x)(?<userid>a) # c'", "because: line 1: folder.user-id: must not end in a comment");
    for broken in ["(?<userid>", "(?<userid>a))|((?:b)", "(?<userid>a{999}{999})"] {
        let told = told(&format!("folder.user-id = '{broken}'"));
        assert!(
            told.starts_with("because: line 1: folder.user-id: not a regular expression: ")
                && told.lines().count() == 2,
            "{told}"
        );
    }
    assert_eq!(
        Config::parse("folder.user-id = 'p-(?<userid>[0-9]+)'").unwrap().folder.user_id.as_str(),
        "p-(?<userid>[0-9]+)"
    );
}

#[test]
fn values_that_do_not_fit_together_are_told_at_the_key_to_change() {
    check("[folder]\nsettle = '0s'", "because: line 2: folder.settle: must be 1ms to 1h");
    check("[folder]\nsettle = '2h'", "because: line 2: folder.settle: must be 1ms to 1h");
    check("[folder]\n\nrescan = '1s'", "because: line 3: folder.rescan: must be at least folder.settle, which is 2s");
    check("[folder]\nsettle = '10m'", "because: line 1: folder.rescan: must be at least folder.settle, which is 10m");
    check("[photo]\nmin-side = 0", "because: line 2: photo.min-side: must be at least 1");
    check(
        "[photo]\nmax-pixels = 100",
        "because: line 2: photo.max-pixels: must be at least 9216 (photo.min-side squared)",
    );
    check("[photo]\nzoom = 1.2", "because: line 2: photo.zoom: must be 1.3 to 10");
    check("[photo]\nzoom = inf", "because: line 2: photo.zoom: must be 1.3 to 10");
    check("[photo]\neye-line = 42", "because: line 2: photo.eye-line: must be 0.2 to 0.8");
    check("[photo]\neye-line = nan", "because: line 2: photo.eye-line: must be 0.2 to 0.8");
    check("[run]\ngrace = '2h'", "because: line 2: run.grace: must be at most 1h");
}

#[test]
fn broken_toml_is_told_with_its_line() {
    for (text, line) in
        [("[folder\n", 1), ("[log]\nlevel = \n", 2), ("[log]\nlevel = 'info'\nlevel = 'warn'", 3), ("[log]\n[log]", 2)]
    {
        let told = told(text);
        assert!(told.starts_with(&format!("because: line {line}: ")), "{text:?}: {told}");
    }
}

#[test]
fn state_and_drop_folder_must_not_lie_in_one_another() {
    let dir = tempfile::tempdir().unwrap();
    let drop = dir.path().join("drop");
    fs::create_dir(&drop).unwrap();
    std::os::unix::fs::symlink(&drop, dir.path().join("link")).unwrap();
    let text = |folder: &str, state: &str| {
        let at = |name: &str| dir.path().join(name).display().to_string();
        format!("folder.path = '{}'\nstate.path = '{}'", at(folder), at(state))
    };
    for (folder, state, line) in [
        ("drop", "drop", "line 2: state.path"),
        ("drop", "drop/.state", "line 2: state.path"),
        ("drop", "link/a/b", "line 2: state.path"),
        ("drop", "new/../drop/state", "line 2: state.path"),
        ("state/drop", "state", "line 1: folder.path"),
    ] {
        assert!(told(&text(folder, state)).contains(line), "{folder} {state}");
    }
    for (folder, state) in [("drop", "dropped"), ("drop", "link/../state"), ("drop", "state")] {
        Config::parse(&text(folder, state)).unwrap();
    }
}

#[test]
fn sizes_and_shares_are_read_in_the_ways_that_people_write() {
    let photo = |line: &str| Config::parse(&format!("photo.{line}")).unwrap().photo;
    assert_eq!(photo("max-bytes = 5000000").max_bytes, Bytes(5_000_000));
    assert_eq!(photo("max-bytes = '300 KB'").max_bytes, Bytes(300_000));
    assert_eq!(photo("max-pixels = 24000000").max_pixels, Pixels(24_000_000));
    assert_eq!(photo("max-pixels = '0.5 MP'").max_pixels, Pixels(500_000));
    let brake = |text: &str| Config::parse(&format!("folder.brake = '{text}'")).unwrap().folder.brake.share();
    assert_eq!((brake("0%"), brake("12.5 %"), brake("100%")), (0.0, 0.125, 1.0));
    let folder = Config::parse("folder.extensions = ['.JPG', 'png']").unwrap().folder;
    assert_eq!(folder.extensions.iter().map(|extension| extension.as_str()).collect::<Vec<_>>(), ["jpg", "png"]);
}

#[test]
fn pictures_are_made_as_people_write_it() {
    let photo = |lines: &str| Config::parse(&format!("[photo]\n{lines}")).unwrap().photo;
    assert_eq!(photo("zoom = 3").zoom, 3.0);
    assert_eq!(photo("background = '#f0A00f'").background, Colour([0xf0, 0xa0, 0x0f]));
    let words = photo("reject = ['several-faces', 'no-face', 'no-face']").reject;
    assert_eq!(words.into_iter().collect::<Vec<_>>(), [Warning::NoFace, Warning::SeveralFaces]);
    for colour in ["white", "#fff", "ffffff", "#+fffff", "#fffffff"] {
        check(
            &format!("photo.background = '{colour}'"),
            &format!("because: line 1: photo.background: {colour:?} is not a colour such as \"#ffffff\""),
        );
    }
    check(
        "photo.reject = ['ugly']",
        "because: line 1: photo.reject[0]: `ugly` is not one of no-face, several-faces, face-small, dark, blurred or enlarged",
    );
}

#[test]
fn keys_about_faces_are_idle_where_photos_are_not_cropped_to_those() {
    let idle = |lines: &str| Config::parse(&format!("[photo]\n{lines}")).unwrap().photo.idle_keys();
    assert_eq!(idle("crop = 'center'\nzoom = 3\neye-line = 0.5"), ["photo.zoom", "photo.eye-line"]);
    assert_eq!(idle("crop = 'center'\nzoom = 2.0"), [""; 0]);
    assert_eq!(idle("zoom = 3"), [""; 0]);
}

#[test]
fn settings_reach_the_plugin_as_json() {
    let text = "[backend.x]\nplugin = 'y'\n[backend.x.settings]\na = [1, 2.5, { b = true }]\nd = 2026-01-02\ntoken = { env = 'T' }";
    let backend = Config::parse(text).unwrap().backend.into_values().next().unwrap();
    let expected = serde_json::json!({"a": [1, 2.5, {"b": true}], "d": "2026-01-02", "token": {"env": "T"}});
    assert_eq!(Value::Object(backend.settings), expected);
    assert!(
        told("[backend.x]\nplugin = 'y'\nsettings = { a = inf }")
            .contains("backend.x.settings: inf cannot be a setting")
    );
}

#[test]
fn a_file_that_everybody_may_write_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("open\x1b.toml");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let shown = escape(&path);
    assert_eq!(
        Config::load(Some(&path)).unwrap_err().to_string(),
        format!(
            "error: failed to read the config file {shown}\nbecause: its mode is 666: everybody on this machine may \
             change it\nhint: chmod o-w {shown}"
        )
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    assert_eq!(Config::load(Some(&path)).unwrap(), (Config::default(), path));
}

#[test]
fn a_file_that_cannot_be_read_as_text_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.toml");
    let told = |path: &Path| {
        let trouble = Config::load(Some(path)).unwrap_err();
        assert_eq!(trouble.exit(), Exit::Config);
        trouble.to_string().lines().nth(1).unwrap().to_owned()
    };
    assert_eq!(told(&path), format!("because: there is no {}", path.display()));
    fs::write(&path, b"a = 1\n\xff").unwrap();
    assert_eq!(told(&path), "because: line 2: not UTF-8");
    fs::write(&path, vec![b'\n'; (1 << 20) + 1]).unwrap();
    assert_eq!(told(&path), "because: it is larger than 1 MiB");
    assert!(told(dir.path()).contains("directory"));
}

#[test]
fn root_under_a_service_manager_does_not_trust_the_working_directory() {
    let here = ["portraitd.toml", "config/portraitd.toml", "/etc/portraitd/portraitd.toml"].map(PathBuf::from);
    assert_eq!(candidates(true, true), here[2..]);
    for (root, by_service_manager) in [(true, false), (false, true), (false, false)] {
        assert_eq!(candidates(root, by_service_manager), here);
    }
}

#[test]
fn plugins_are_looked_for_beside_the_executable_first() {
    let beside = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    assert_eq!(PluginsConfig::default().directories(), [beside, "/usr/lib/portraitd/plugins".into()]);
    let named = Config::parse("plugins.path = ['a', 'b']").unwrap().plugins;
    assert_eq!(named.directories(), [PathBuf::from("a"), "b".into()]);
}
