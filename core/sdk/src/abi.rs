//! ABI 1: one exported table of seven C functions, and everything that is unsafe about it on the plugin's side.
//!
//! The rules below hold for a plugin in any language; `include/portraitd.h` is the same in C, and a test lets a compiler
//! compare the two. What the messages say is in [`message`](crate::message).
//!
//! - **Exactly one symbol** is exported, [`SYMBOL`](crate::SYMBOL): a constant [`Table`]. Its name carries the ABI
//!   major. The table only ever grows at its end, and `size` tells how far it goes.
//! - **No function unwinds.** A panic ends in the answer, with its place in the source.
//! - **Every function accepts null** for every pointer, and says [`MISUSED`] where it cannot go on.
//! - **Every non-null [`Buf`] that comes out is given back once** to `free` of the same table, whatever the status.
//! - **Threads:** different instances and tasks may be used at the same time on any threads, calls on one task come one
//!   after the other. Nothing is bound to a thread. No call comes after `close`, and none is needed before the process
//!   ends: a library is never unloaded.
//! - **A call comes back soon.** It cannot be interrupted: a host that waited for 10 s never calls the library again.
//! - **After [`PANICKED`], `done` or `failed`** only `finish` may follow on that task. The instance goes on.
//! - **The host answers any part of the open effects, in any order**, and each once. Numbers that were never given out, or
//!   were used before, end the conversation on either side.
//!
//! Alternatives that were not taken: callbacks into the host (an answer then depends on when it is called, and can no
//! longer be recorded and replayed), and a function per ability (a table of a hundred entries drifts from its header).

use std::cell::RefCell;
use std::ffi::c_void;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::ptr;
use std::slice;
use std::sync::{Arc, Once};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backend::{self, Backend, Operations};
use crate::failure::Failure;
use crate::message::{Answer, Description, Open, Opening, Resume, Start, Step};
use crate::photo::Bytes;
use crate::settings;
use crate::task::Task;

/// The first bytes of every table.
pub const MAGIC: [u8; 8] = *b"PORTRAIT";

/// Flag of a table: no panic leaves the library.
pub const CONTAINS_PANICS: u64 = 1;

/// Status: the answer is the function's own message.
pub const ANSWERED: i32 = 0;
/// Status: the call made no sense (a null handle, a message that is none). The answer is a [`Failure`].
pub const MISUSED: i32 = 1;
/// Status: the plugin panicked. The answer is a [`Failure`]; on this task only `finish` may follow.
pub const PANICKED: i32 = 2;

/// Bytes that are lent for one call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// First byte; may be null when `len` is 0.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
}

/// Bytes that belong to the plugin until they are given back to its `free`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Buf {
    /// First byte; null for "no bytes", which needs no `free`.
    pub ptr: *mut u8,
    /// Number of bytes.
    pub len: usize,
    /// The plugin's own business.
    pub cap: usize,
}

impl Buf {
    /// No bytes.
    pub const NONE: Self = Self { ptr: ptr::null_mut(), len: 0, cap: 0 };
}

/// An instance or a task: a pointer that only the plugin looks behind.
pub type Handle = *mut c_void;

/// The exported table. `None` is a null pointer, which no plugin has and every host checks for.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// The ABI minor, the same as in the identity section.
    pub minor: u32,
    /// Size of the whole table in bytes. A host reads no further.
    pub size: u32,
    /// [`CONTAINS_PANICS`]. Other bits are 0.
    pub flags: u64,
    /// Writes an [`Answer`]`<`[`Description`]`>`.
    ///
    /// `[any thread] [any time] [out: free]`
    pub describe: Option<unsafe extern "C" fn(out: *mut Buf) -> i32>,
    /// Reads an [`Open`], writes an [`Answer`]`<`[`Opening`]`>`. On `opened` there is an instance, else null.
    ///
    /// `[any thread] [any time] [message: lent for the call] [instance: close] [out: free]`
    pub open: Option<unsafe extern "C" fn(message: Slice, instance: *mut Handle, out: *mut Buf) -> i32>,
    /// Reads a [`Start`], begins a task and runs it until it waits. Writes an [`Answer`]`<`[`Step`]`>`. There may be a
    /// task whatever the step says, to be finished when it is not null.
    ///
    /// `[any thread] [instance open] [message, blobs array: lent for the call] [bytes of blobs: lent until finish]`
    /// `[task: finish] [out: free]`
    pub start: Option<
        unsafe extern "C" fn(
            instance: Handle,
            message: Slice,
            blobs: *const Slice,
            count: usize,
            task: *mut Handle,
            out: *mut Buf,
        ) -> i32,
    >,
    /// Reads a [`Resume`] and runs the task until it waits again. Writes an [`Answer`]`<`[`Step`]`>`. Blobs are the
    /// bodies of HTTP replies, which results name by their index.
    ///
    /// `[any thread, one call per task at a time] [after start, before finish] [message, blobs, bytes: lent for the
    /// call] [out: free]`
    pub resume: Option<
        unsafe extern "C" fn(task: Handle, message: Slice, blobs: *const Slice, count: usize, out: *mut Buf) -> i32,
    >,
    /// Ends a task, wherever it is: what it waits for will not come.
    ///
    /// `[any thread] [once per task, as the last call on it] [null allowed]`
    pub finish: Option<unsafe extern "C" fn(task: Handle)>,
    /// Ends an instance.
    ///
    /// `[any thread] [once per instance, after all its tasks are finished] [null allowed]`
    pub close: Option<unsafe extern "C" fn(instance: Handle)>,
    /// Takes bytes back.
    ///
    /// `[any thread] [once per non-null Buf] [null allowed]`
    pub free: Option<unsafe extern "C" fn(bytes: Buf)>,
}

/// A backend type that `export!` was called with.
#[doc(hidden)]
pub trait Exported: Backend {
    /// Which optional operations it has.
    const OPERATIONS: Operations<Self>;
}

impl Table {
    /// The table of a backend type. For `export!` only.
    #[doc(hidden)]
    pub const fn of<B: Exported>() -> Self {
        Self {
            magic: MAGIC,
            minor: crate::ABI_MINOR,
            size: size_of::<Self>() as u32,
            flags: CONTAINS_PANICS,
            describe: Some(describe::<B>),
            open: Some(open::<B>),
            start: Some(start::<B>),
            resume: Some(resume),
            finish: Some(finish),
            close: Some(close::<B>),
            free: Some(free),
        }
    }
}

unsafe extern "C" fn describe<B: Exported>(out: *mut Buf) -> i32 {
    let describe = || {
        let description = Description {
            schema: settings::schema::<B::Settings>(),
            operations: B::OPERATIONS.told(),
            modes: B::MODES.iter().map(ToString::to_string).collect(),
            examples: B::examples(),
        };
        Ok(Answer { answer: description, log: Vec::new() })
    };
    // SAFETY: the caller lends `out` for the call.
    unsafe { guarded(out, describe) }
}

unsafe extern "C" fn open<B: Exported>(message: Slice, instance: *mut Handle, out: *mut Buf) -> i32 {
    let open = || {
        // SAFETY: the caller lends the message and the place for the handle for the call.
        let (message, place) = unsafe { (read::<Open>(message)?, place(instance, "instance")?) };
        *place = ptr::null_mut();
        let opening = match backend::open::<B>(message) {
            Ok((backend, opened)) => {
                *place = Arc::into_raw(Arc::new(backend)).cast_mut().cast();
                Opening::Opened(opened)
            }
            Err(failure) => Opening::Failed(failure),
        };
        Ok(Answer { answer: opening, log: Vec::new() })
    };
    // SAFETY: the caller lends `out` for the call.
    unsafe { guarded(out, open) }
}

unsafe extern "C" fn start<B: Exported>(
    instance: Handle,
    message: Slice,
    blobs: *const Slice,
    count: usize,
    task: *mut Handle,
    out: *mut Buf,
) -> i32 {
    let start = || {
        // SAFETY: the caller lends all of these for the call, the bytes of the blobs until `finish`, and the instance
        // came from `open` of this table and is not closed.
        let (backend, message, bytes, place) = unsafe {
            (backend_of::<B>(instance)?, read::<Start>(message)?, blobs_of(blobs, count)?, place(task, "task")?)
        };
        *place = ptr::null_mut();
        let begun = match Task::begin(backend, &B::OPERATIONS, message, bytes) {
            Ok(begun) => begun,
            Err(failure) => return Ok(Answer { answer: Step::Failed(failure), log: Vec::new() }),
        };
        // The handle is there before any of the author's code runs, so that a panic in it leaves a task to finish.
        let begun = Box::into_raw(Box::new(begun));
        *place = begun.cast();
        // SAFETY: it was made two lines above and nobody else has it before this call returns.
        Ok(unsafe { &mut *begun }.step())
    };
    // SAFETY: the caller lends `out` for the call.
    unsafe { guarded(out, start) }
}

unsafe extern "C" fn resume(task: Handle, message: Slice, blobs: *const Slice, count: usize, out: *mut Buf) -> i32 {
    let resume = || {
        // SAFETY: the task came from `start` of this table, is not finished, and no other call on it runs.
        let task = unsafe { task.cast::<Task>().as_mut() }.ok_or_else(|| null("task"))?;
        // SAFETY: the caller lends the message and the blobs for the call.
        let (message, blobs) = unsafe { (read::<Resume>(message)?, slices_of(blobs, count)?) };
        let bytes: Vec<HostBytes> = blobs.iter().copied().map(HostBytes).collect();
        let bytes: Vec<&[u8]> = bytes.iter().map(HostBytes::as_slice).collect();
        Ok(task.resume(message, &bytes))
    };
    // SAFETY: the caller lends `out` for the call.
    unsafe { guarded(out, resume) }
}

unsafe extern "C" fn finish(task: Handle) {
    if !task.is_null() {
        // SAFETY: the task came from `start` of this table, and this is the last call on it.
        let finish = contained(|| drop(unsafe { Box::from_raw(task.cast::<Task>()) }));
        // There is nobody to tell: the operation's outcome was told before.
        drop(finish);
    }
}

unsafe extern "C" fn close<B: Exported>(instance: Handle) {
    if !instance.is_null() {
        // SAFETY: the instance came from `open` of this table, and this is the last call on it.
        let close = contained(|| drop(unsafe { Arc::from_raw(instance.cast_const().cast::<B>()) }));
        // There is nobody to tell.
        drop(close);
    }
}

unsafe extern "C" fn free(bytes: Buf) {
    if !bytes.ptr.is_null() {
        // SAFETY: a non-null Buf comes from `write` below and is given back once.
        drop(unsafe { Vec::from_raw_parts(bytes.ptr, bytes.len, bytes.cap) });
    }
}

/// Runs an entry's body, and writes its answer or what went wrong.
///
/// # Safety
/// `out` is null or valid for a write.
unsafe fn guarded<T: Serialize>(out: *mut Buf, body: impl FnOnce() -> Result<Answer<T>, Failure>) -> i32 {
    let body = || body().map(|answer| json(&answer)).map_err(|failure| json(&failure));
    let (status, bytes) = match contained(body) {
        Ok(Ok(bytes)) => (ANSWERED, bytes),
        Ok(Err(bytes)) => (MISUSED, bytes),
        Err(panic) => (PANICKED, json(&Failure::bug(format!("it panicked at {panic}")))),
    };
    if !out.is_null() {
        let mut bytes = ManuallyDrop::new(bytes);
        // SAFETY: it is not null, and valid for a write as the caller promises.
        unsafe { out.write(Buf { ptr: bytes.as_mut_ptr(), len: bytes.len(), cap: bytes.capacity() }) };
    }
    status
}

fn json<T: Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).expect("messages have string keys only and live in memory")
}

/// # Safety
/// `message` is null, or valid for reads of its length for as long as the call lasts.
unsafe fn read<T: DeserializeOwned>(message: Slice) -> Result<T, Failure> {
    if message.ptr.is_null() {
        return Err(null("message"));
    }
    // SAFETY: it is not null, and valid as the caller promises.
    let bytes = unsafe { slice::from_raw_parts(message.ptr, message.len) };
    serde_json::from_slice(bytes).map_err(|error| Failure::bug(format!("the host's message cannot be read: {error}")))
}

/// # Safety
/// `handle` is null, or valid for writes for as long as the call lasts.
unsafe fn place<'a>(handle: *mut Handle, what: &str) -> Result<&'a mut Handle, Failure> {
    // SAFETY: as the caller promises.
    unsafe { handle.as_mut() }.ok_or_else(|| null(what))
}

/// # Safety
/// `instance` is null, or came from `open::<B>` and is not closed.
unsafe fn backend_of<B: Backend>(instance: Handle) -> Result<Arc<B>, Failure> {
    if instance.is_null() {
        return Err(null("instance"));
    }
    let backend = instance.cast_const().cast::<B>();
    // SAFETY: it came from `Arc::into_raw`, and the instance's own count is kept: this one is in addition.
    unsafe {
        Arc::increment_strong_count(backend);
        Ok(Arc::from_raw(backend))
    }
}

/// # Safety
/// `blobs` is null, or points to `count` slices; the bytes of each are valid until the task is finished.
unsafe fn blobs_of(blobs: *const Slice, count: usize) -> Result<Vec<Bytes>, Failure> {
    // SAFETY: as the caller promises.
    let blobs = unsafe { slices_of(blobs, count)? };
    Ok(blobs.iter().map(|blob| Bytes::Host(HostBytes(*blob))).collect())
}

/// # Safety
/// `blobs` is null, or points to `count` slices that are valid for as long as the call lasts.
unsafe fn slices_of<'a>(blobs: *const Slice, count: usize) -> Result<&'a [Slice], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if blobs.is_null() {
        return Err(null("blobs"));
    }
    // SAFETY: not null, and as many as the caller says.
    let blobs = unsafe { slice::from_raw_parts(blobs, count) };
    if blobs.iter().any(|blob| blob.ptr.is_null() && blob.len > 0) {
        return Err(null("blob"));
    }
    Ok(blobs)
}

fn null(what: &str) -> Failure {
    Failure::bug(format!("the host passed null for the {what}"))
}

/// Bytes that the host lends: of a rendition until the task is finished, of a reply for one call.
///
/// Those of a rendition live in the task's future, which `finish` drops, and are lent out with that lifetime only.
pub(crate) struct HostBytes(Slice);

// SAFETY: the bytes are read only, and the host keeps them as they are until `finish`.
unsafe impl Send for HostBytes {}
// SAFETY: as above.
unsafe impl Sync for HostBytes {}

impl HostBytes {
    pub(crate) fn as_slice(&self) -> &[u8] {
        if self.0.len == 0 {
            return &[];
        }
        // SAFETY: `slices_of` checked for null, and the host keeps the bytes for as long as this value lives.
        unsafe { slice::from_raw_parts(self.0.ptr, self.0.len) }
    }
}

thread_local! {
    /// The text of the panic that is being contained on this thread; `None` outside of [`contained`].
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs code and catches its panic, as the text that says where it was.
fn contained<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(remember_panics);
    PANIC.set(Some("(no text)".into()));
    let caught = catch_unwind(AssertUnwindSafe(body));
    let text = PANIC.take().unwrap_or_default();
    caught.map_err(|payload| {
        // The payload is a value of the author's, and its drop may panic as well.
        mem::forget(payload);
        text
    })
}

/// A library has a standard library of its own, so the hook is its own too and the host's stays as it is.
fn remember_panics() {
    let before = take_hook();
    set_hook(Box::new(move |info| {
        let text = panic_text(info);
        // A thread of the author's own is nobody's step, so its panic is told as the standard library tells it.
        let remember = |panic: &RefCell<Option<String>>| panic.borrow_mut().as_mut().map(|panic| *panic = text);
        // The thread may be at its end, where it has no such value any more.
        if !matches!(PANIC.try_with(remember), Ok(Some(()))) {
            before(info);
        }
    }));
}

fn panic_text(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(|place| format!("{}:{}: ", place.file(), place.line())).unwrap_or_default();
    let owned = info.payload().downcast_ref::<String>().map(String::as_str);
    let text = owned.or_else(|| info.payload().downcast_ref::<&str>().copied());
    format!("{place}{}", text.unwrap_or("(no text)"))
}

/// Exports a backend type as the plugin of this crate. The crate is a `cdylib` named `portraitd-plugin-<name>`.
///
/// In the crate's own unit tests it expands to nothing, for two plugins in one test binary would export one symbol.
#[macro_export]
macro_rules! export {
    ($backend:ty) => {
        #[cfg(not(test))]
        #[expect(unsafe_code, reason = "a symbol and a section have to be named for the host to find them")]
        const _: () = {
            #[expect(unused_imports, reason = "not needed where the backend implements every optional trait")]
            use $crate::__export::HasNot as _;
            use $crate::__export::{Exported, Exporter, Has, Operations, Table};

            const EXPORTER: Exporter = Exporter {
                library: env!("CARGO_CRATE_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                panic: if cfg!(panic = "abort") { "abort" } else { "unwind" },
                needs: <$backend as $crate::Backend>::NEEDS,
            };

            impl Exported for $backend {
                const OPERATIONS: Operations<Self> =
                    Operations::found(Has::<$backend>::REMOVE, Has::<$backend>::VERIFY, Has::<$backend>::PROBE);
            }

            #[used]
            #[unsafe(link_section = ".portraitd")]
            static IDENTITY: [u8; EXPORTER.json_len()] = EXPORTER.json();

            #[unsafe(no_mangle)]
            #[expect(non_upper_case_globals, reason = "it is the name of a C symbol")]
            pub static portraitd_plugin_v1: Table = Table::of::<$backend>();
        };
    };
}

// The table as a host calls it: null where it can be, panics wherever an author can put one.
#[cfg(test)]
mod tests {
    use std::ptr;

    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::{Value, json};

    use super::*;
    use crate::message::{EffectKind, User};
    use crate::script::BEGIN_MS;
    use crate::{Context, OpenContext, Photo, Receipt, Remove, RenditionSpec};

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Settings {
        panic: Panic,
    }

    #[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    enum Panic {
        Never,
        InOpen,
        AtFirst,
        Later,
        WithPayload,
        InDrop,
        InClose,
    }

    struct Hostile(Panic);

    impl Backend for Hostile {
        type Settings = Settings;
        const NEEDS: &'static [EffectKind] = &[EffectKind::FilePut];
        const MODES: &'static [&'static str] = &["file"];

        fn open(settings: Settings, _: &OpenContext) -> Result<Self, Failure> {
            assert!(settings.panic != Panic::InOpen, "while opening");
            Ok(Self(settings.panic))
        }

        fn renditions(&self) -> Vec<RenditionSpec> {
            vec![RenditionSpec::exact("icon", 48, 48)]
        }

        async fn deliver(&self, cx: &Context, photo: &Photo) -> Result<Receipt, Failure> {
            let _bomb = Bomb(self.0 == Panic::InDrop);
            match self.0 {
                Panic::AtFirst => panic!("at the first {}", "poll"),
                Panic::WithPayload => std::panic::panic_any(Bomb(true)),
                _ => {}
            }
            let icon = photo.rendition("icon")?;
            assert_eq!(icon.bytes(), b"picture");
            cx.put_file("path", "x.jpg", icon).await.map_err(|error| Failure::retry(error.text))?;
            assert!(self.0 != Panic::Later, "after the reply");
            Ok(Receipt::changed())
        }
    }

    impl Remove for Hostile {
        async fn remove(&self, _: &Context, _: &User) -> Result<Receipt, Failure> {
            Ok(Receipt::removed())
        }
    }

    impl Drop for Hostile {
        fn drop(&mut self) {
            assert!(self.0 != Panic::InClose, "while closing");
        }
    }

    struct Bomb(bool);

    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "in a drop");
        }
    }

    impl Exported for Hostile {
        const OPERATIONS: Operations<Self> = {
            use crate::backend::{Has, HasNot as _};
            Operations::found(Has::<Self>::REMOVE, Has::<Self>::VERIFY, Has::<Self>::PROBE)
        };
    }

    /// Makes a call, and gives its status and answer.
    fn call(call: impl FnOnce(*mut Buf) -> i32) -> (i32, Value) {
        let mut out = Buf::NONE;
        let status = call(&raw mut out);
        // SAFETY: the table wrote it, and it is read before it is freed.
        let answer = serde_json::from_slice(unsafe { slice::from_raw_parts(out.ptr, out.len) }).unwrap();
        // SAFETY: once.
        unsafe { free(out) };
        (status, answer)
    }

    fn lend(bytes: &[u8]) -> Slice {
        Slice { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    fn open_with(panic: Panic) -> (Handle, i32, Value) {
        let message =
            json!({ "backend": "x", "settings": { "panic": panic }, "host-version": "1", "caps": [] }).to_string();
        let mut instance = ptr::dangling_mut();
        // SAFETY: everything is valid for the call.
        let (status, answer) = call(|out| unsafe { open::<Hostile>(lend(message.as_bytes()), &raw mut instance, out) });
        (instance, status, answer)
    }

    fn start_with(instance: Handle) -> (Handle, i32, Value) {
        let rendition = json!({
            "name": "icon", "mime": "image/jpeg", "width": 48, "height": 48, "len": 7, "sha256": "0", "blob": 0
        });
        let message = json!({
            "op": "deliver", "user": { "id": "ada", "remote": "ada" },
            "photo": { "digest": "0", "renditions": [rendition] },
            "attempt": 1, "idempotency-key": "k", "deadline-ms": BEGIN_MS, "now-ms": BEGIN_MS, "seed": 0,
        });
        let (message, blobs) = (message.to_string(), [lend(b"picture")]);
        let mut task = ptr::null_mut();
        let (status, answer) = call(|out| {
            // SAFETY: everything is valid for the call, and the bytes for ever.
            unsafe { start::<Hostile>(instance, lend(message.as_bytes()), blobs.as_ptr(), 1, &raw mut task, out) }
        });
        (task, status, answer)
    }

    fn resume_with(task: Handle) -> (i32, Value) {
        let message = json!({ "results": [{ "id": 1, "reply": { "file-put": { "changed": true } } }], "now-ms": 1 });
        let message = message.to_string();
        // SAFETY: everything is valid for the call.
        call(|out| unsafe { resume(task, lend(message.as_bytes()), ptr::null(), 0, out) })
    }

    /// Plays a delivery to its end, and gives the last status and answer.
    fn play(panic: Panic) -> (i32, Value) {
        let (instance, status, _) = open_with(panic);
        assert_eq!(status, ANSWERED);
        let (task, mut status, mut answer) = start_with(instance);
        if answer["answer"]["need"].is_object() {
            (status, answer) = resume_with(task);
        }
        // SAFETY: once each, in this order.
        unsafe {
            finish(task);
            close::<Hostile>(instance);
        }
        (status, answer)
    }

    fn panicked_at(panic: Panic) -> String {
        let (status, answer) = play(panic);
        assert_eq!((status, &answer["verdict"]), (PANICKED, &json!("bug")));
        let reason = answer["reason"].as_str().unwrap();
        let place = reason.strip_prefix("it panicked at ").unwrap();
        assert!(place.contains("src/abi.rs:"), "{place}");
        place.rsplit(": ").next().unwrap().to_owned()
    }

    #[test]
    fn a_delivery_goes_through_the_table() {
        let (status, answer) = play(Panic::Never);
        assert_eq!((status, answer["answer"]["done"]["outcome"].as_str()), (ANSWERED, Some("changed")));
    }

    #[test]
    fn the_description_tells_the_operations_that_are_implemented() {
        // SAFETY: `out` is valid for the call.
        let (status, answer) = call(|out| unsafe { describe::<Hostile>(out) });
        assert_eq!(status, ANSWERED);
        assert_eq!(answer["answer"]["operations"], json!(["deliver", "remove"]));
        assert_eq!(answer["answer"]["modes"], json!(["file"]));
    }

    #[test]
    fn a_panic_anywhere_is_told_with_its_place() {
        assert_eq!(panicked_at(Panic::AtFirst), "at the first poll");
        assert_eq!(panicked_at(Panic::Later), "after the reply");
        assert_eq!(panicked_at(Panic::WithPayload), "(no text)");
        assert_eq!(panicked_at(Panic::InDrop), "in a drop");
        let (instance, status, answer) = open_with(Panic::InOpen);
        assert!(instance.is_null() && status == PANICKED);
        assert!(answer["reason"].as_str().unwrap().ends_with("while opening"), "{answer}");
    }

    #[test]
    fn a_panic_while_closing_stays_inside() {
        let (status, _) = play(Panic::InClose);
        assert_eq!(status, ANSWERED);
    }

    #[test]
    fn after_a_panic_the_task_is_over_and_the_instance_is_not() {
        let (instance, ..) = open_with(Panic::AtFirst);
        let (task, status, _) = start_with(instance);
        assert_eq!(status, PANICKED);
        assert_eq!(resume_with(task).1["answer"]["failed"]["reason"], "the operation is over already");
        let (other, status, _) = start_with(instance);
        assert!(!other.is_null() && status == PANICKED);
        // SAFETY: once each, in this order.
        unsafe {
            finish(task);
            finish(other);
            close::<Hostile>(instance);
        }
    }

    #[test]
    fn an_unfinished_task_is_given_up() {
        let (instance, ..) = open_with(Panic::Never);
        let (task, ..) = start_with(instance);
        // SAFETY: once each, in this order.
        unsafe {
            finish(task);
            close::<Hostile>(instance);
        }
    }

    #[test]
    fn null_is_accepted_everywhere() {
        let none = Slice { ptr: ptr::null(), len: 0 };
        let mut handle: Handle = ptr::null_mut();
        let nothing = ptr::null_mut();
        // SAFETY: this is what the ABI allows.
        unsafe {
            assert_eq!(call(|out| open::<Hostile>(none, &raw mut handle, out)).0, MISUSED);
            assert_eq!(call(|out| start::<Hostile>(nothing, none, ptr::null(), 0, &raw mut handle, out)).0, MISUSED);
            assert_eq!(call(|out| resume(nothing, none, ptr::null(), 0, out)).0, MISUSED);
            finish(nothing);
            close::<Hostile>(nothing);
            free(Buf::NONE);
        }
    }

    #[test]
    fn null_places_and_blobs_are_refused() {
        let (instance, ..) = open_with(Panic::Never);
        let message =
            b"{\"op\":\"deliver\",\"attempt\":1,\"idempotency-key\":\"\",\"deadline-ms\":0,\"now-ms\":0,\"seed\":0}";
        let mut task = ptr::null_mut();
        // SAFETY: this is what the ABI allows.
        unsafe {
            let no_blobs = call(|out| start::<Hostile>(instance, lend(message), ptr::null(), 3, &raw mut task, out));
            assert_eq!(
                no_blobs,
                (MISUSED, json!({ "verdict": "bug", "reason": "the host passed null for the blobs" }))
            );
            assert_eq!(
                call(|out| start::<Hostile>(instance, lend(message), ptr::null(), 0, ptr::null_mut(), out)).0,
                MISUSED
            );
            let no_user = call(|out| start::<Hostile>(instance, lend(message), ptr::null(), 0, &raw mut task, out));
            assert_eq!(no_user.1["answer"]["failed"]["reason"], "the host's message lacks the user");
            assert!(task.is_null());
            close::<Hostile>(instance);
        }
    }

    #[test]
    fn a_message_that_is_none_is_refused() {
        let mut instance = ptr::null_mut();
        // SAFETY: everything is valid for the call.
        let (status, answer) = call(|out| unsafe { open::<Hostile>(lend(b"\xff{"), &raw mut instance, out) });
        assert_eq!(status, MISUSED);
        assert!(answer["reason"].as_str().unwrap().starts_with("the host's message cannot be read"), "{answer}");
    }
}
