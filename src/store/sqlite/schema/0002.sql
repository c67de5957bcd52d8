-- Events on their way to webhooks. Refers to nothing: an event outlives the user and session that it tells of.

-- AUTOINCREMENT: the number is the order of delivery, and is never given again.
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook TEXT NOT NULL,
    ordering BLOB NOT NULL,
    id BLOB NOT NULL,
    body BLOB NOT NULL,
    created INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due INTEGER NOT NULL,
    version INTEGER NOT NULL,
    -- 1: no event of the same webhook and ordering is before it.
    first INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_ordering ON outbox (webhook, ordering, number);
CREATE INDEX outbox_created ON outbox (webhook, created);
-- Of a webhook that has been out of reach for days only the first of each ordering are looked through.
CREATE INDEX outbox_due ON outbox (webhook, due, number) WHERE first = 1;

-- What each webhook has waiting, so that nobody counts the rows.
CREATE TABLE outbox_size (
    webhook TEXT PRIMARY KEY NOT NULL,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER outbox_added AFTER INSERT ON outbox BEGIN
    INSERT INTO outbox_size (webhook, events, bytes) VALUES (NEW.webhook, 1, length(NEW.body))
    ON CONFLICT (webhook) DO UPDATE SET events = events + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER outbox_removed AFTER DELETE ON outbox BEGIN
    UPDATE outbox_size SET events = events - 1, bytes = bytes - length(OLD.body) WHERE webhook = OLD.webhook;
    DELETE FROM outbox_size WHERE webhook = OLD.webhook AND events = 0;
    UPDATE outbox SET first = 1 WHERE first = 0 AND number =
        (SELECT min(number) FROM outbox WHERE webhook = OLD.webhook AND ordering = OLD.ordering);
END;
