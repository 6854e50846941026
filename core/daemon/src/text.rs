//! Makes foreign text safe to show. Every file name that reaches a terminal, a log or JSON goes through [`escape`];
//! a name can hold anything but `/` and NUL. It does not shorten, translate or judge names.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

/// `name` as printable text on one line, for people and for programs that read our output.
///
/// Printable characters of any script stay as they are. What a terminal could obey, or a person could not see, becomes
/// an escape: `\x1b` for control characters of ASCII, `\u{202e}` for all others (bidi overrides, zero-width and other
/// format characters, unusual spaces, unassigned code points), `\xff` for bytes that are not UTF-8, `\\` for a
/// backslash. Different names therefore stay different, and the original can be worked out from what is shown.
/// A combining mark stays, except as the first character, where it would sit on whatever is printed before the name.
///
/// Takes `&str`, `&OsStr`, `OsString` and `&Path`; bytes go through [`OsStr::from_bytes`].
pub(crate) fn escape(name: impl AsRef<OsStr>) -> String {
    let bytes = name.as_ref().as_bytes();
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_character(&mut shown, character);
        }
        for byte in chunk.invalid() {
            push_formatted(&mut shown, format_args!("\\x{byte:02x}"));
        }
    }
    shown
}

fn push_character(shown: &mut String, character: char) {
    match character {
        '\\' => shown.push_str("\\\\"),
        ' '..='~' => shown.push(character),
        '\0'..='\x7f' => push_formatted(shown, format_args!("\\x{:02x}", u32::from(character))),
        _ if is_printable(character, shown.is_empty()) => shown.push(character),
        _ => push_formatted(shown, format_args!("\\u{{{:x}}}", u32::from(character))),
    }
}

/// The standard library knows which characters are printable, but tells only through the escapes that it makes:
/// of a combining mark only where it opens a string.
fn is_printable(character: char, first: bool) -> bool {
    let mut buffer = [b'a'; 5];
    let end = 1 + character.encode_utf8(&mut buffer[1..]).len();
    let start = usize::from(first);
    let text = std::str::from_utf8(&buffer[start..end]).expect("an `a` and a character are UTF-8");
    text.escape_debug().nth(1 - start) == Some(character)
}

fn push_formatted(shown: &mut String, text: std::fmt::Arguments<'_>) {
    shown.write_fmt(text).expect("writing into a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &[u8], expected: &str) {
        assert_eq!(escape(OsStr::from_bytes(name)), expected);
    }

    #[test]
    fn names_that_people_use_stay_as_they_are() {
        for name in ["anna.jpg", "Jörg Müller.jpg", "小明.png", "o'neil \"bob\".jpg", "Ренат.webp", "e\u{301}ric.jpg"]
        {
            check(name.as_bytes(), name);
        }
    }

    #[test]
    fn escape_sequences_are_shown_and_not_obeyed() {
        check(b"\x1b[31mred\x07\r\n\t\x7f.jpg", r"\x1b[31mred\x07\x0d\x0a\x09\x7f.jpg");
        check("\u{9b}31m".as_bytes(), r"\u{9b}31m");
    }

    #[test]
    fn text_that_turns_the_reading_direction_is_shown() {
        check("anna\u{202e}gpj.exe".as_bytes(), r"anna\u{202e}gpj.exe");
        for hidden in ['\u{200b}', '\u{200f}', '\u{2066}', '\u{2028}', '\u{feff}', '\u{a0}', '\u{e000}'] {
            check(hidden.to_string().as_bytes(), &format!("\\u{{{:x}}}", u32::from(hidden)));
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_one_by_one() {
        check(b"a\xff\xfeb\xc3.jpg", r"a\xff\xfeb\xc3.jpg");
        check(b"\xe2\x82", r"\xe2\x82");
    }

    #[test]
    fn a_backslash_cannot_pretend_to_be_an_escape() {
        check(br"\x1b", r"\\x1b");
        check(br"\", r"\\");
    }

    #[test]
    fn a_combining_mark_cannot_sit_on_the_text_before_the_name() {
        check("\u{301}a\u{301}".as_bytes(), "\\u{301}a\u{301}");
    }

    #[test]
    fn no_name_of_two_bytes_shows_a_control_character_or_collides() {
        let mut seen = std::collections::HashSet::new();
        for first in 1..=255u8 {
            for second in 1..=255u8 {
                let shown = escape(OsStr::from_bytes(&[first, second]));
                assert!(!shown.contains(char::is_control), "{shown:?}");
                assert!(seen.insert(shown));
            }
        }
    }
}
