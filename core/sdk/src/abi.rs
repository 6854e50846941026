//! ABI 1: one exported table of seven C functions, and everything that is unsafe about it on the plugin's side.
//!
//! The rules below hold for a plugin in any language. What the messages say is in [`message`](crate::message).
//!
//! - **Exactly one symbol** is exported, [`SYMBOL`](crate::SYMBOL): a constant [`Table`]. Its name carries the ABI
//!   major. The table only ever grows at its end, and `size` tells how far it goes.
//! - **No function unwinds.** A panic ends in the answer, with its place in the source.
//! - **Every function accepts null** for every pointer, and says [`MISUSED`] where it cannot go on.
//! - **Every non-null [`Buf`] that comes out is given back once** to `free` of the same table, whatever the status.
//! - **Threads:** different instances and tasks may be used at the same time on any threads, calls on one task come one
//!   after the other. Nothing is bound to a thread. No call comes after `close`, and none is needed before the process
//!   ends: a library is never unloaded.
//!
//! Alternatives that were not taken: callbacks into the host (an answer then depends on when it is called, and can no
//! longer be recorded and replayed), and a function per ability (a table of a hundred entries drifts from its header).

use std::any::Any;
use std::cell::RefCell;
use std::ffi::c_void;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
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
    /// Reads a [`Resume`] and runs the task until it waits again. Writes an [`Answer`]`<`[`Step`]`>`. Blobs are bytes
    /// that results refer to; no result of minor 0 does.
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

unsafe extern "C" fn resume(task: Handle, message: Slice, _blobs: *const Slice, _count: usize, out: *mut Buf) -> i32 {
    let resume = || {
        // SAFETY: the task came from `start` of this table, is not finished, and no other call on it runs.
        let task = unsafe { task.cast::<Task>().as_mut() }.ok_or_else(|| null("task"))?;
        // SAFETY: the caller lends the message for the call.
        let message = unsafe { read::<Resume>(message)? };
        Ok(task.resume(message))
    };
    // SAFETY: the caller lends `out` for the call.
    unsafe { guarded(out, resume) }
}

unsafe extern "C" fn finish(task: Handle) {
    if !task.is_null() {
        // SAFETY: the task came from `start` of this table, and this is the last call on it.
        contained(|| drop(unsafe { Box::from_raw(task.cast::<Task>()) }));
    }
}

unsafe extern "C" fn close<B: Exported>(instance: Handle) {
    if !instance.is_null() {
        // SAFETY: the instance came from `open` of this table, and this is the last call on it.
        contained(|| drop(unsafe { Arc::from_raw(instance.cast_const().cast::<B>()) }));
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
        Some(Ok(bytes)) => (ANSWERED, bytes),
        Some(Err(bytes)) => (MISUSED, bytes),
        None => (PANICKED, json(&Failure::bug(format!("the plugin panicked: {}", last_panic())))),
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
    if count == 0 {
        return Ok(Vec::new());
    }
    if blobs.is_null() {
        return Err(null("blobs"));
    }
    // SAFETY: not null, and as many as the caller says.
    let blobs = unsafe { slice::from_raw_parts(blobs, count) };
    if blobs.iter().any(|blob| blob.ptr.is_null() && blob.len > 0) {
        return Err(null("blob"));
    }
    Ok(blobs.iter().map(|blob| Bytes::Host(HostBytes(*blob))).collect())
}

fn null(what: &str) -> Failure {
    Failure::bug(format!("the host passed null for the {what}"))
}

/// Bytes of a rendition that the host lends until the task is finished.
///
/// They live in the task's future, which `finish` drops, and are lent out with that lifetime only.
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
        // SAFETY: `blobs_of` checked for null, and the host keeps the bytes until the task, and so this value, is gone.
        unsafe { slice::from_raw_parts(self.0.ptr, self.0.len) }
    }
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs code and catches its panic, whose text is in [`last_panic`] then.
fn contained<T>(body: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    // A library has a standard library of its own, so this hook is its own too and the host's stays as it is.
    HOOK.call_once(|| std::panic::set_hook(Box::new(remember_panic)));
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // The payload is a value of the author's, and its drop may panic as well.
            mem::forget(payload);
            None
        }
    }
}

fn remember_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|place| format!("{}:{}: ", place.file(), place.line())).unwrap_or_default();
    let text = format!("{place}{}", panic_text(info.payload()));
    LAST_PANIC.with(|last| *last.borrow_mut() = text);
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("(no text)")
}

fn last_panic() -> String {
    LAST_PANIC.with(|last| mem::take(&mut *last.borrow_mut()))
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
                package: env!("CARGO_PKG_NAME"),
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
            static IDENTITY: [u8; EXPORTER.len()] = EXPORTER.json();

            #[unsafe(no_mangle)]
            #[expect(non_upper_case_globals, reason = "it is the name of a C symbol")]
            pub static portraitd_plugin_v1: Table = Table::of::<$backend>();
        };
    };
}
