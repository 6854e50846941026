-- Systems that are reached over a network: they can be paused, answer too late or not at all, and take photos in steps.

-- 0 or 1: a person has paused it.
ALTER TABLE backends ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;

-- Requests that got no answer and may still take effect. All three are NULL where there are none.
ALTER TABLE deliveries ADD COLUMN doubt_until INTEGER;     -- from when on they cannot any more
ALTER TABLE deliveries ADD COLUMN doubt_target TEXT;       -- photo, removal, several
ALTER TABLE deliveries ADD COLUMN doubt_fingerprint BLOB;  -- NULL unless they are for one photo

-- What plugins remember of deliveries that are under way.
CREATE TABLE memories (
    user    TEXT NOT NULL,
    backend TEXT NOT NULL,
    key     TEXT NOT NULL,
    sha256  TEXT NOT NULL,                  -- of the rendition, in hex; empty when it is about none
    origin  TEXT NOT NULL,
    value   TEXT NOT NULL,                  -- JSON
    expires INTEGER,                        -- NULL when it does not by itself
    PRIMARY KEY (user, backend, key, sha256, origin)
) STRICT, WITHOUT ROWID;
