-- Users whom a system calls otherwise, and looking whether a system still shows what was delivered.

-- What the user was called at the last attempt to deliver a photo; NULL for the drop name.
ALTER TABLE deliveries ADD COLUMN remote TEXT;

-- What is known of the picture in place. `missed` is NULL where nothing is.
ALTER TABLE deliveries ADD COLUMN seen INTEGER;       -- when the system was last found to show it
ALTER TABLE deliveries ADD COLUMN verify_due INTEGER; -- when it is looked for next
ALTER TABLE deliveries ADD COLUMN missed INTEGER;     -- deliveries in a row that were done and not found afterwards
