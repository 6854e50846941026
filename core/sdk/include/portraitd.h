/*
 * The ABI of portraitd plugins, major 1, for plugins in C and in whatever can export a C symbol.
 *
 * A plugin is a shared library `libportraitd_plugin_<name>.so` (`-` in the name is `_` in the file's name) that exports
 * one constant table and carries its identity in a section, which the host reads before any code of the library runs.
 * What the messages say is in the documentation of the Rust crate `portraitd-sdk`, module `message`; golden/ beside
 * this folder holds one of each kind. They are JSON in UTF-8, at most 1 MiB, and both sides ignore unknown fields.
 *
 * Rules for every function of the table:
 * - It does not unwind: no exception and no longjmp leaves it.
 * - It accepts null for every pointer, and says PORTRAITD_MISUSED where it cannot go on.
 * - Whatever status it returns, it writes an answer to `out`, and the host gives that back to `free` once.
 * - It comes back soon. After 10 s the host gives the whole library up until the daemon is started again.
 *
 * Tags say for each function on which thread it may be called, when, and whose the memory is.
 */
#ifndef PORTRAITD_H
#define PORTRAITD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What this header describes. The minor grows with every new kind of effect. */
#define PORTRAITD_ABI_MAJOR 1
#define PORTRAITD_ABI_MINOR 1

/* The first bytes of every table. An initialiser, for C++ has no array of 8 from a text of 8. */
#define PORTRAITD_MAGIC {'P', 'O', 'R', 'T', 'R', 'A', 'I', 'T'}

/* Flag of a table: no panic and no exception leaves the library. The host takes no table without it. */
#define PORTRAITD_CONTAINS_PANICS 1u

/* Status: the answer is the function's own message. */
#define PORTRAITD_ANSWERED 0
/* Status: the call made no sense (a null handle, a message that is none). The answer is a failure. */
#define PORTRAITD_MISUSED 1
/* Status: the plugin panicked. The answer is a failure; on this task only `finish` may follow. */
#define PORTRAITD_PANICKED 2

/* Bytes that are lent. `ptr` may be null when `len` is 0. */
typedef struct portraitd_slice {
    const uint8_t *ptr;
    size_t len;
} portraitd_slice;

/* Bytes that belong to the plugin until they are given back to its `free`. A null `ptr` is no answer, and no `free`. */
typedef struct portraitd_buf {
    uint8_t *ptr;
    size_t len;
    size_t cap; /* the plugin's own business */
} portraitd_buf;

/* An instance or a task: a pointer that only the plugin looks behind. */
typedef void *portraitd_handle;

/* The exported table. Later minors append to it, and `size` tells how far it goes. No function may be null. */
typedef struct portraitd_table {
    uint8_t magic[8]; /* PORTRAITD_MAGIC */
    uint32_t minor;   /* the same as in the identity */
    uint32_t size;    /* sizeof(portraitd_table) */
    uint64_t flags;   /* PORTRAITD_CONTAINS_PANICS; other bits are 0 */

    /*
     * Says what holds for the plugin, whatever its settings are.
     * [any thread] [any time] [out: plugin owns, host gives back to free]
     */
    int32_t (*describe)(portraitd_buf *out);

    /*
     * Makes an instance of settings, and performs nothing. On `opened` there is an instance, else null.
     * [any thread] [any time] [message: host owns, lent for the call] [instance: plugin owns, until close]
     * [out: plugin owns, host gives back to free]
     */
    int32_t (*open)(portraitd_slice message, portraitd_handle *instance, portraitd_buf *out);

    /*
     * Begins a task and runs it until it waits. There may be a task whatever the step says, to be finished when it is
     * not null; with `need` there must be one. Blobs are the renditions, which the message names by their index.
     * [any thread, also several at once on one instance] [after open, before close]
     * [message, array of blobs: host owns, lent for the call] [bytes of blobs: host owns, lent until finish]
     * [task: plugin owns, until finish] [out: plugin owns, host gives back to free]
     */
    int32_t (*start)(portraitd_handle instance, portraitd_slice message, const portraitd_slice *blobs, size_t count,
                     portraitd_handle *task, portraitd_buf *out);

    /*
     * Tells a task what became of effects, and runs it until it waits again. Blobs are the bodies of HTTP replies,
     * which the results name by their index.
     * [any thread, one call per task at a time] [after start, before finish; not after done, failed or a panic]
     * [message, blobs, their bytes: host owns, lent for the call] [out: plugin owns, host gives back to free]
     */
    int32_t (*resume)(portraitd_handle task, portraitd_slice message, const portraitd_slice *blobs, size_t count,
                      portraitd_buf *out);

    /*
     * Ends a task, wherever it is: what it waits for will not come.
     * [any thread] [once per task, as the last call on it; null allowed] [task: plugin frees it]
     */
    void (*finish)(portraitd_handle task);

    /*
     * Ends an instance.
     * [any thread] [once per instance, after all its tasks are finished; null allowed] [instance: plugin frees it]
     */
    void (*close)(portraitd_handle instance);

    /*
     * Takes an answer back.
     * [any thread] [once per answer that is not null; null allowed] [bytes: plugin frees them]
     */
    void (*free)(portraitd_buf bytes);
} portraitd_table;

/* Where no target is given, the one that this is compiled for, as Rust names it. */
#ifndef PORTRAITD_TARGET
#if defined(__GLIBC__)
#define PORTRAITD_LIBC "gnu"
#else
#define PORTRAITD_LIBC "musl"
#endif
#if defined(__x86_64__)
#define PORTRAITD_TARGET "x86_64-unknown-linux-" PORTRAITD_LIBC
#elif defined(__aarch64__)
#define PORTRAITD_TARGET "aarch64-unknown-linux-" PORTRAITD_LIBC
#elif defined(__riscv) && __riscv_xlen == 64
#define PORTRAITD_TARGET "riscv64gc-unknown-linux-" PORTRAITD_LIBC
#endif
#endif

/*
 * Writes the identity. `needs` are the kinds of effects that the plugin cannot do without, as a JSON list:
 *
 *     PORTRAITD_IDENTITY("acme", "1.2.0", "[\"http\"]")
 *
 * The host reads it without running any code. "none": C has no panics.
 */
#define PORTRAITD_IDENTITY(name, version, needs)                                                                       \
    __attribute__((used, section(".portraitd"))) static const char portraitd_identity[] =                              \
        "{\"name\":\"" name "\",\"version\":\"" version "\",\"sdk\":\"portraitd.h\","                                  \
        "\"abi\":{\"major\":1,\"minor\":1},\"target\":\"" PORTRAITD_TARGET "\",\"panic\":\"none\",\"needs\":" needs "}";

/* The one symbol of a plugin; its name carries the ABI major. Define it `const`, with default visibility. */
extern const portraitd_table portraitd_plugin_v1;

#ifdef __cplusplus
}
#endif

#endif
