-- Users whom a system calls otherwise, looking whether a system still shows what was delivered, and pictures that systems
-- fetch by a URL.

-- What the user was called at the last attempt to deliver a photo; NULL for the drop name.
ALTER TABLE deliveries ADD COLUMN remote TEXT;

-- What is known of the picture in place. `missed` is NULL where nothing is.
ALTER TABLE deliveries ADD COLUMN seen INTEGER;       -- when the system was last found to show it
ALTER TABLE deliveries ADD COLUMN verify_due INTEGER; -- when it is looked for next
ALTER TABLE deliveries ADD COLUMN missed INTEGER;     -- deliveries in a row that were done and not found afterwards

-- The pictures that are published for deliveries. Each must answer for as long as its delivery is the recorded one.
CREATE TABLE published (
    user     TEXT    NOT NULL,
    backend  TEXT    NOT NULL,
    name     BLOB    NOT NULL,              -- the name in its URL, 32 bytes
    recorded INTEGER NOT NULL,              -- 0 or 1: the last delivery that was done has told it
    PRIMARY KEY (user, backend, name)
) STRICT, WITHOUT ROWID;
