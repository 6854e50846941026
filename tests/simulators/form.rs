//! Reads application/x-www-form-urlencoded, strictly: each name once, and percent-encoding that is whole. A query is written
//! the same way. It knows no form.

use std::collections::BTreeMap;

/// The fields of a form or a query, or what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, String>, &'static str> {
    let mut fields = BTreeMap::new();
    for field in text.split('&').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').ok_or("a field without a value")?;
        let (name, value) = decoded(name).zip(decoded(value)).ok_or("a field that is not encoded as it should be")?;
        if fields.insert(name, value).is_some() {
            return Err("a field that stands there twice");
        }
    }
    Ok(fields)
}

/// A text without its percent-encoding (RFC 3986, section 2.1), where a plus is a space.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        match first {
            b'%' => {
                let digits = str::from_utf8(behind.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &behind[2..];
            }
            b'+' => bytes.push(b' '),
            byte if byte.is_ascii_graphic() => bytes.push(*byte),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}
