//! The C header says what the Rust table is: sizes, offsets, types and constants are written as assertions from the Rust
//! side, and a C compiler checks them against `include/portraitd.h`.

use std::any::type_name;
use std::fs;
use std::mem::{align_of, offset_of, size_of};
use std::path::Path;
use std::process::Command;

use portraitd_sdk::abi::{ANSWERED, Buf, CONTAINS_PANICS, MAGIC, MISUSED, PANICKED, Slice, Table};
use portraitd_sdk::{ABI_MAJOR, ABI_MINOR, SECTION, SYMBOL, TARGET};

/// A field: its struct in C, its name, its offset and its type in Rust.
struct Field(&'static str, &'static str, usize, &'static str);

fn typed<S, T>(_: fn(&S) -> &T) -> &'static str {
    type_name::<T>()
}

macro_rules! fields {
    ($c:literal, $rust:ty, $($field:ident),*) => {
        vec![$(Field($c, stringify!($field), offset_of!($rust, $field), typed(|it: &$rust| &it.$field))),*]
    };
}

/// A Rust type as C writes it.
fn in_c(rust: &str) -> String {
    if let Some(function) = rust.strip_prefix("core::option::Option<unsafe extern \"C\" fn(") {
        let function = function.strip_suffix('>').unwrap();
        let (arguments, back) = function.rsplit_once(')').unwrap();
        let arguments: Vec<_> = arguments.split(", ").map(in_c).collect();
        let back = back.strip_prefix(" -> ").map_or_else(|| "void".into(), in_c);
        return format!("{back} (*)({})", arguments.join(", "));
    }
    if let Some(inner) = rust.strip_prefix("*mut ") {
        return format!("{} *", in_c(inner));
    }
    if let Some(inner) = rust.strip_prefix("*const ") {
        return format!("const {} *", in_c(inner));
    }
    match rust.rsplit("::").next().unwrap() {
        "Slice" => "portraitd_slice",
        "Buf" => "portraitd_buf",
        "c_void" => "void",
        "u8" => "uint8_t",
        "[u8; 8]" => "uint8_t[8]",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "usize" => "size_t",
        "i32" => "int32_t",
        other => panic!("{other} has no word in C"),
    }
    .into()
}

fn assertions() -> String {
    let mut fields = fields!("portraitd_slice", Slice, ptr, len);
    fields.extend(fields!("portraitd_buf", Buf, ptr, len, cap));
    fields.extend(fields!(
        "portraitd_table",
        Table,
        magic,
        minor,
        size,
        flags,
        describe,
        open,
        start,
        resume,
        finish,
        close,
        free
    ));
    let mut lines = vec!["#include <portraitd.h>".to_owned(), "#include <string.h>".to_owned()];
    let mut claim = |claim: String| lines.push(format!("_Static_assert({claim}, \"\");"));
    for Field(of, name, offset, rust) in fields {
        claim(format!("offsetof({of}, {name}) == {offset}"));
        claim(format!("__builtin_types_compatible_p(__typeof__((({of} *)0)->{name}), {})", in_c(rust)));
    }
    for (name, size, align) in [
        ("portraitd_slice", size_of::<Slice>(), align_of::<Slice>()),
        ("portraitd_buf", size_of::<Buf>(), align_of::<Buf>()),
        ("portraitd_table", size_of::<Table>(), align_of::<Table>()),
    ] {
        claim(format!("sizeof({name}) == {size} && _Alignof({name}) == {align}"));
    }
    for (name, value) in [
        ("ABI_MAJOR", u64::from(ABI_MAJOR)),
        ("ABI_MINOR", u64::from(ABI_MINOR)),
        ("CONTAINS_PANICS", CONTAINS_PANICS),
        ("ANSWERED", ANSWERED as u64),
        ("MISUSED", MISUSED as u64),
        ("PANICKED", PANICKED as u64),
    ] {
        claim(format!("PORTRAITD_{name} == {value}"));
    }
    lines.push(format!("const portraitd_table *table = &{SYMBOL};"));
    lines.push("PORTRAITD_IDENTITY(\"x\", \"1\", \"[]\")".into());
    lines.push("const uint8_t magic[8] = PORTRAITD_MAGIC;".into());
    lines.join("\n")
}

/// Compiles C in a folder of its own and gives the object file.
fn compiled(name: &str, text: &str) -> Result<Vec<u8>, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, object) = (folder.join(format!("{name}.c")), folder.join(format!("{name}.o")));
    fs::write(&source, text).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wno-overlength-strings", "-Werror", "-c", "-I"]);
    cc.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include")).arg(&source).arg("-o").arg(&object);
    let output = cc.output().expect("there is a C compiler");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(fs::read(object).unwrap())
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[test]
fn the_header_is_the_table() {
    let object = compiled("header", &assertions()).unwrap_or_else(|why| panic!("{why}"));
    assert!(holds(&object, &MAGIC) && holds(&object, SECTION.as_bytes()));
    assert!(holds(&object, format!("\"target\":\"{TARGET}\"").as_bytes()), "the header takes this for another machine");
    let version = format!("\"abi\":{{\"major\":{ABI_MAJOR},\"minor\":{ABI_MINOR}}}");
    assert!(holds(&object, version.as_bytes()), "the identity has another version than {version}");
}

#[test]
fn a_claim_that_is_wrong_does_not_compile() {
    for (right, wrong) in [
        ("offsetof(portraitd_table, open) == 32", "offsetof(portraitd_table, open) == 40"),
        ("PORTRAITD_PANICKED == 2", "PORTRAITD_PANICKED == 1"),
        ("int32_t (*)(portraitd_buf *)", "int32_t (*)(portraitd_slice *)"),
    ] {
        let text = assertions();
        assert!(text.contains(right), "{text}");
        assert!(compiled("wrong", &text.replace(right, wrong)).is_err(), "{wrong}");
    }
}

/// Threads, order and ownership are part of the contract: each function says all three, here and there.
#[test]
fn every_function_has_its_tags() {
    let header = include_str!("../include/portraitd.h");
    for function in ["describe", "open", "start", "resume", "finish", "close", "free"] {
        let end = header.find(&format!("(*{function})(")).unwrap_or_else(|| panic!("{function} is not there"));
        let comment = &header[header[..end].rfind("/*").unwrap()..end];
        assert!(comment.contains("[any thread"), "{function} says nothing of threads");
        let order = ["[any time]", "[after open", "[after start", "[once per"];
        assert!(order.iter().any(|tag| comment.contains(tag)), "{function} says nothing of its order");
        assert!(comment.contains(" owns") || comment.contains("plugin frees"), "{function} says nothing of ownership");
    }
}
