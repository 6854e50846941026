//! A loaded library, and everything that is unsafe about calling it.
//!
//! Loads a copy that was looked at, keeps it for ever, and turns each of its functions into one that takes and gives
//! messages. Waits for nothing and times nothing: these calls may hang, so the pool makes them.

use std::ffi::c_void;
use std::path::Path;
use std::ptr;
use std::slice;
use std::sync::Arc;

use libloading::os::unix::{Library as Linked, RTLD_LOCAL, RTLD_NOW};
use portraitd_sdk::abi::{ANSWERED, Buf, CONTAINS_PANICS, Handle, MAGIC, MISUSED, PANICKED, Slice, Table};
use portraitd_sdk::message::{Answer, Description, Open, Opened, Opening, Resume, Start, Step};
use portraitd_sdk::{Failure, Identity, SYMBOL};
use serde::de::DeserializeOwned;

use crate::Blob;
use crate::error::Refusal;

/// The most bytes that an answer may have.
const MAX_ANSWER: usize = 1 << 20;

/// A library in this process. There is one value per library and it lives as long as the process: code of a library
/// cannot be unloaded safely once a thread-local of it has been touched.
#[derive(Debug)]
pub(crate) struct Library {
    describe: unsafe extern "C" fn(*mut Buf) -> i32,
    open: unsafe extern "C" fn(Slice, *mut Handle, *mut Buf) -> i32,
    start: unsafe extern "C" fn(Handle, Slice, *const Slice, usize, *mut Handle, *mut Buf) -> i32,
    resume: unsafe extern "C" fn(Handle, Slice, *const Slice, usize, *mut Buf) -> i32,
    finish: unsafe extern "C" fn(Handle),
    close: unsafe extern "C" fn(Handle),
    free: unsafe extern "C" fn(Buf),
}

impl Library {
    /// Loads a private copy.
    pub(crate) fn load(copy: &Path, identity: &Identity) -> Result<&'static Self, Refusal> {
        let linker = |error: libloading::Error| Refusal::Linker { why: error.to_string() };
        // SAFETY: whoever wrote the file is trusted with this process; `look` and `private` made sure of who it was,
        // that it is whole, and that nobody else can change it.
        let linked = unsafe { Linked::open(Some(copy), RTLD_NOW | RTLD_LOCAL) }.map_err(linker)?;
        // SAFETY: the address only; what lies there is checked before it is believed.
        let table = unsafe { linked.get::<*const Table>(SYMBOL) }.map_err(linker)?;
        // SAFETY: the symbol is the table of ABI 1 by its name, and static.
        let table = unsafe { checked(*table, identity) }.map_err(|why| Refusal::Table { why })?;
        // Never unloaded: dropping `linked` would call dlclose.
        std::mem::forget(linked);
        let library = Self::of(&table).ok_or_else(|| Refusal::Table { why: "lacks a function".into() })?;
        Ok(Box::leak(Box::new(library)))
    }

    fn of(table: &Table) -> Option<Self> {
        Some(Self {
            describe: table.describe?,
            open: table.open?,
            start: table.start?,
            resume: table.resume?,
            finish: table.finish?,
            close: table.close?,
            free: table.free?,
        })
    }

    /// Calls `describe`.
    pub(crate) fn describe(&self) -> Result<Answer<Description>, Failure> {
        // SAFETY: the table was checked, and `out` is valid for the call.
        self.ask(|out| unsafe { (self.describe)(out) })
    }

    /// Calls `open`.
    pub(crate) fn open(&'static self, message: &Open) -> Result<(Instance, Answer<Opened>), Failure> {
        let message = json(message);
        let mut handle = ptr::null_mut();
        // SAFETY: as above; the message and the handle's place are valid for the call.
        let answer = self.ask(|out| unsafe { (self.open)(lend(&message), &raw mut handle, out) });
        // Owned before anything else can go wrong, so that it is closed whatever the answer is.
        let instance = Instance { library: self, handle };
        let Answer { answer, log } = answer?;
        match answer {
            Opening::Opened(_) if instance.handle.is_null() => Err(Failure::bug("it opened a backend and gave none")),
            Opening::Opened(answer) => Ok((instance, Answer { answer, log })),
            Opening::Failed(failure) => Err(failure),
        }
    }

    /// Makes a call that writes an answer, and reads it.
    fn ask<T: DeserializeOwned>(&self, call: impl FnOnce(*mut Buf) -> i32) -> Result<T, Failure> {
        let mut out = Buf::NONE;
        let status = call(&raw mut out);
        let out = Output { library: self, bytes: out };
        let bytes = out.bytes().map_err(Failure::bug)?;
        match status {
            ANSWERED => parse(bytes),
            MISUSED | PANICKED => Err(Failure::bug(parse::<Failure>(bytes)?.reason)),
            other => Err(Failure::bug(format!("it returned the status {other}, which means nothing"))),
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| Failure::bug(format!("its answer cannot be read: {error}")))
}

/// # Safety
/// `table` is null or points to a table of ABI 1, of whatever minor.
unsafe fn checked(table: *const Table, identity: &Identity) -> Result<Table, String> {
    if table.is_null() {
        return Err("is null".into());
    }
    // SAFETY: not null. Field by field, for a table may be shorter than ours until its size is known.
    let (magic, size) = unsafe { ((&raw const (*table).magic).read(), (&raw const (*table).size).read()) };
    if magic != MAGIC {
        return Err("does not begin as one".into());
    }
    if (size as usize) < size_of::<Table>() {
        return Err(format!("has {size} bytes, fewer than the {} of ABI 1.0", size_of::<Table>()));
    }
    // SAFETY: it is at least as long as ours.
    let table = unsafe { table.read() };
    if table.minor != identity.abi.minor {
        return Err(format!("says ABI minor {}, and its identity says {}", table.minor, identity.abi.minor));
    }
    if table.flags & CONTAINS_PANICS == 0 {
        return Err("does not promise to contain panics".into());
    }
    Ok(table)
}

/// A backend behind the table. Closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Instance {
    library: &'static Library,
    handle: *mut c_void,
}

// SAFETY: the ABI binds nothing to a thread.
unsafe impl Send for Instance {}
// SAFETY: different tasks of one instance may start at the same time, says the ABI.
unsafe impl Sync for Instance {}

impl Instance {
    /// Calls `start`. There is a task only while there is something left to do.
    pub(crate) fn start(
        self: Arc<Self>,
        message: &Start,
        blobs: Vec<Blob>,
    ) -> (Option<Task>, Result<Answer<Step>, Failure>) {
        let library = self.library;
        let message = json(message);
        let slices: Vec<Slice> = blobs.iter().map(|blob| lend(blob)).collect();
        let mut handle = ptr::null_mut();
        let answer = library.ask(|out| {
            // SAFETY: the instance is open as long as this value lives; the message, the array and the handle's place
            // are valid for the call, and the blobs' bytes as long as the task below.
            unsafe { (library.start)(self.handle, lend(&message), slices.as_ptr(), slices.len(), &raw mut handle, out) }
        });
        let task = (!handle.is_null()).then_some(Task { handle, instance: self, _blobs: blobs });
        (task, answer)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: every task holds the instance, so all are finished; null is allowed.
        unsafe { (self.library.close)(self.handle) }
    }
}

/// An operation behind the table. Finished when it is dropped.
#[derive(Debug)]
pub(crate) struct Task {
    handle: *mut c_void,
    instance: Arc<Instance>,
    /// The plugin may read them until it has finished.
    _blobs: Vec<Blob>,
}

// SAFETY: the ABI binds nothing to a thread.
unsafe impl Send for Task {}

impl Task {
    /// Calls `resume`. `bodies` are the blobs that the message names.
    pub(crate) fn resume(&mut self, message: &Resume, bodies: &[Vec<u8>]) -> Result<Answer<Step>, Failure> {
        let library = self.instance.library;
        let message = json(message);
        let slices: Vec<Slice> = bodies.iter().map(|body| lend(body)).collect();
        let (blobs, count) = (slices.as_ptr(), slices.len());
        // SAFETY: the task is not finished, and `&mut self` means that no other call on it runs; the message, the array
        // and the bytes that it lends are valid for the call.
        library.ask(|out| unsafe { (library.resume)(self.handle, lend(&message), blobs, count, out) })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: this is the last call on the task.
        unsafe { (self.instance.library.finish)(self.handle) }
    }
}

/// Bytes that the plugin wrote, given back to it when dropped.
struct Output<'a> {
    library: &'a Library,
    bytes: Buf,
}

impl Output<'_> {
    fn bytes(&self) -> Result<&[u8], String> {
        let Buf { ptr, len, .. } = self.bytes;
        if ptr.is_null() {
            return Err("it gave no answer".into());
        }
        if len > MAX_ANSWER {
            return Err(format!("its answer has {len} bytes, more than the {MAX_ANSWER} allowed"));
        }
        // SAFETY: the ABI says that `len` bytes lie there until `free`.
        Ok(unsafe { slice::from_raw_parts(ptr, len) })
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        // SAFETY: once per answer; null is allowed.
        unsafe { (self.library.free)(self.bytes) }
    }
}

fn lend(bytes: &[u8]) -> Slice {
    Slice { ptr: bytes.as_ptr(), len: bytes.len() }
}

fn json<T: serde::Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).expect("messages have string keys only and live in memory")
}
