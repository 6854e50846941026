-- What has to be said of a photo by the pictures that were made of it.

-- Both are NULL where nothing has.
ALTER TABLE deliveries ADD COLUMN warned_of BLOB; -- the fingerprint of what was made, 32 bytes
ALTER TABLE deliveries ADD COLUMN warnings TEXT;  -- a JSON array of words
