-- The first ledger. Every table holds whole records under their natural keys, so that writing one twice changes nothing.
--
-- Times are milliseconds since 1970-01-01 UTC, digests and fingerprints 32 bytes of SHA-256. Device, inode and size are
-- unsigned 64 bit numbers in the signed ones that SQLite has. Columns that may be NULL say when.

-- What was concluded of each entry of the drop folder, for the content that has this status.
CREATE TABLE entries (
    name      BLOB    NOT NULL PRIMARY KEY, -- as the file system gave it: any bytes
    dev       INTEGER NOT NULL,
    ino       INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    mtime_ns  INTEGER NOT NULL,
    ctime_ns  INTEGER NOT NULL,
    user      TEXT,                         -- NULL: the name says none
    state     TEXT    NOT NULL,             -- accepted, rejected, ignored
    reason    TEXT,                         -- NULL when accepted
    digest    BLOB,                         -- this and the next three: NULL unless accepted
    width     INTEGER,
    height    INTEGER,
    warnings  TEXT                          -- a JSON array of texts
) STRICT, WITHOUT ROWID;

-- The last photo that was accepted for each user.
CREATE TABLE users (
    user         TEXT    NOT NULL PRIMARY KEY,
    file         BLOB    NOT NULL,
    digest       BLOB    NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    warnings     TEXT    NOT NULL,          -- a JSON array of texts
    accepted_at  INTEGER NOT NULL,
    presence     TEXT    NOT NULL,          -- here, missing, gone
    absent_since INTEGER,                   -- NULL when here
    cleared      INTEGER                    -- NULL when here, else 0 or 1: a person has agreed
) STRICT, WITHOUT ROWID;

-- What is recorded of each user at each backend.
CREATE TABLE deliveries (
    user               TEXT NOT NULL,
    backend            TEXT NOT NULL,
    holds              TEXT NOT NULL,       -- nothing, exactly, unsure
    fingerprint        BLOB,                -- NULL unless it holds exactly this
    receipt            TEXT,                -- of the last delivery that was done; NULL when the plugin told none
    target             TEXT,                -- photo, removal; NULL: no attempt since the last success
    target_fingerprint BLOB,                -- NULL unless the target is a photo
    count              INTEGER,             -- this and the next: NULL without a target
    since              INTEGER,
    begun              INTEGER,             -- when the attempt began; NULL when it has ended
    verdict            TEXT,                -- this and the next three: NULL unless the attempt has failed
    after_ms           INTEGER,             -- only of rate-limited: the wait that was asked for
    reason             TEXT,
    next               INTEGER,
    PRIMARY KEY (user, backend)
) STRICT, WITHOUT ROWID;

-- The newest attempts that have ended, a bounded number for each user and backend. The highest `n` is the newest.
CREATE TABLE attempts (
    user     TEXT    NOT NULL,
    backend  TEXT    NOT NULL,
    n        INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    verdict  TEXT    NOT NULL,
    after_ms INTEGER,                       -- only of rate-limited: the wait that was asked for
    reason   TEXT    NOT NULL,
    ms       INTEGER NOT NULL,
    PRIMARY KEY (user, backend, n)
) STRICT, WITHOUT ROWID;

-- What outlives a restart of each backend.
CREATE TABLE backends (
    backend     TEXT    NOT NULL PRIMARY KEY,
    shape       TEXT    NOT NULL,
    since       INTEGER NOT NULL,
    held        TEXT,                       -- NULL when it is not held
    quiet_until INTEGER                     -- NULL when it did not ask to be left alone
) STRICT, WITHOUT ROWID;

-- The folder as a whole: one row, or none before the first scan.
CREATE TABLE folder (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    trusted_dev INTEGER,                    -- NULL with its inode: no directory is trusted
    trusted_ino INTEGER,
    seen_dev    INTEGER,                    -- NULL with its inode: none was seen
    seen_ino    INTEGER,
    braked      INTEGER NOT NULL,           -- 0 or 1
    rules       TEXT    NOT NULL,
    edition     TEXT    NOT NULL,
    scanned     INTEGER                     -- NULL: no scan was complete
) STRICT;
