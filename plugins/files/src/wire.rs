//! The name template: which file a user's rendition becomes. Pure text; knows no directory and asks for no effect.

use portraitd_sdk::Failure;

/// The most bytes of a path that a template makes. What a file system allows is more.
const MAX_PATH: usize = 512;

/// The most bytes of one part of a path, on every common file system.
const MAX_PART: usize = 255;

/// A template that makes a relative path, and a different one for every user and rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    UserId,
    Rendition,
}

impl Template {
    /// Parses a template, and checks that these renditions get names of their own.
    pub(crate) fn parse(text: &str, renditions: &[&str]) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::config(format!("`name`: {why}"));
        let template = Self(pieces(text).map_err(wrong)?);
        template.check_placeholders(renditions).map_err(wrong)?;
        template.check_clashes(renditions).map_err(wrong)?;
        let sample = template.path("a", renditions.first().unwrap_or(&"a"));
        sample.map_err(|why| wrong(format!("`{}` {why}", text.escape_debug())))?;
        Ok(template)
    }

    /// The path of a user's rendition.
    ///
    /// # Errors
    /// Why there can be no such file, as what follows the path's name.
    pub(crate) fn path(&self, userid: &str, rendition: &str) -> Result<String, String> {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::UserId => userid,
            Piece::Rendition => rendition,
        });
        let path: String = pieces.collect();
        check_path(&path)?;
        Ok(path)
    }

    fn check_placeholders(&self, renditions: &[&str]) -> Result<(), String> {
        if !self.0.contains(&Piece::UserId) {
            return Err("lacks {userid}, so all users would share one file".into());
        }
        if renditions.len() > 1 && !self.0.contains(&Piece::Rendition) {
            return Err("lacks {rendition}, so all renditions would share one file".into());
        }
        Ok(())
    }

    /// `{userid}-{rendition}` makes `a-b-c` of the user `a` and the rendition `b-c`, and of `a-b` and `c` too.
    fn check_clashes(&self, renditions: &[&str]) -> Result<(), String> {
        let Some(between) = self.between() else { return Ok(()) };
        for one in renditions {
            for other in renditions.iter().filter(|other| *other != one) {
                if one.ends_with(&format!("{between}{other}")) || one.starts_with(&format!("{other}{between}")) {
                    return Err(format!(
                        "with it the renditions `{one}` and `{other}` of two users may share one file: put a / \
                         between {{userid}} and {{rendition}}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The text between the two placeholders, where nothing but it keeps them apart.
    fn between(&self) -> Option<String> {
        let is_text = |piece: &&Piece| matches!(piece, Piece::Text(_));
        let mut between = String::new();
        for piece in self.0.iter().skip_while(is_text).skip(1).take_while(is_text) {
            if let Piece::Text(text) = piece {
                between.push_str(text);
            }
        }
        let placeholders = self.0.iter().filter(|piece| !is_text(piece)).count();
        (placeholders == 2 && self.0.contains(&Piece::Rendition) && !between.contains('/')).then_some(between)
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, placeholder) = rest.split_at(at);
        let end = placeholder.find('}').filter(|end| *end > 0);
        let end = end.ok_or_else(|| format!("`{}` has a brace without its other half", text.escape_debug()))?;
        pieces.extend((!before.is_empty()).then(|| Piece::Text(before.to_owned())));
        pieces.push(match &placeholder[..=end] {
            "{userid}" => Piece::UserId,
            "{rendition}" => Piece::Rendition,
            other => {
                let other = other.escape_debug();
                return Err(format!("{other} is not known; there are {{userid}} and {{rendition}}"));
            }
        });
        rest = &placeholder[end + 1..];
    }
    pieces.extend((!rest.is_empty()).then(|| Piece::Text(rest.to_owned())));
    Ok(pieces)
}

fn check_path(path: &str) -> Result<(), String> {
    if path.starts_with('/') {
        return Err("is an absolute path; it has to be relative to `path`".into());
    }
    if path.len() > MAX_PATH {
        return Err(format!("has {} bytes, more than the {MAX_PATH} allowed", path.len()));
    }
    path.split('/').try_for_each(check_part)
}

fn check_part(part: &str) -> Result<(), String> {
    match part {
        "" => Err("has an empty part".into()),
        "." | ".." => Err(format!("has the part `{part}`")),
        part if part.len() > MAX_PART => Err(format!("has a part of more than {MAX_PART} bytes")),
        part if part.chars().any(char::is_control) => Err("has a control character".into()),
        // Names of the host's own, for files that are being written.
        part if part.starts_with(".portraitd-") => Err("begins with .portraitd-".into()),
        _ => Ok(()),
    }
}
