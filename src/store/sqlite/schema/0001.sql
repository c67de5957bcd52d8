-- The store's first schema. Ids are 16-byte blobs, instants are milliseconds since 1970, maps are JSON.

CREATE TABLE store (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL,
    key_check BLOB,
    not_before INTEGER,
    signing_key_generation INTEGER NOT NULL
) STRICT;

CREATE TABLE user (
    id BLOB PRIMARY KEY NOT NULL,
    email TEXT,
    username TEXT,
    verified INTEGER NOT NULL,
    active INTEGER NOT NULL,
    password TEXT,
    password_change_required INTEGER NOT NULL,
    password_last_update INTEGER,
    expiry INTEGER,
    profile TEXT NOT NULL,
    inserted INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    last_login INTEGER,
    version INTEGER NOT NULL,
    -- What is compared where case does not count.
    folded_email TEXT UNIQUE,
    folded_username TEXT UNIQUE
) STRICT;

CREATE TABLE registration (
    id BLOB PRIMARY KEY NOT NULL,
    user BLOB NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    application BLOB NOT NULL,
    roles TEXT NOT NULL,
    username TEXT,
    profile TEXT NOT NULL,
    inserted INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    last_login INTEGER,
    version INTEGER NOT NULL,
    UNIQUE (user, application)
) STRICT;

-- Sessions of this user in this application whose sign-in is not later are over; an empty blob stands for all.
-- Refers to nothing: a closing outlives the registration or user that it closed, who may come back.
CREATE TABLE closing (
    user BLOB NOT NULL,
    application BLOB NOT NULL,
    instant INTEGER NOT NULL,
    PRIMARY KEY (user, application)
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
    provider BLOB NOT NULL,
    subject TEXT NOT NULL,
    user BLOB NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    inserted INTEGER NOT NULL,
    PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_user ON link (user);

CREATE TABLE session (
    id BLOB PRIMARY KEY NOT NULL,
    user BLOB NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    application BLOB,
    authentication_type TEXT NOT NULL,
    signed_in INTEGER NOT NULL
) STRICT;
CREATE INDEX session_user ON session (user);
CREATE INDEX session_application ON session (application, user) WHERE application IS NOT NULL;
CREATE INDEX session_signed_in ON session (signed_in);

CREATE TABLE refresh_token (
    id BLOB PRIMARY KEY NOT NULL,
    session BLOB NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    user BLOB NOT NULL,
    application BLOB NOT NULL,
    parent BLOB,
    digest BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL,
    start INTEGER NOT NULL,
    inserted INTEGER NOT NULL,
    device TEXT,
    meta_data TEXT NOT NULL,
    version INTEGER NOT NULL,
    -- The digest before this one, until the current value is used.
    previous BLOB
) STRICT;
CREATE INDEX refresh_token_user ON refresh_token (user, inserted, id);
CREATE INDEX refresh_token_session ON refresh_token (session);
CREATE INDEX refresh_token_application_start ON refresh_token (application, start);
CREATE INDEX refresh_token_application_inserted ON refresh_token (application, inserted);
CREATE INDEX refresh_token_parent ON refresh_token (parent) WHERE parent IS NOT NULL;

CREATE TABLE replaced_value (
    digest BLOB PRIMARY KEY NOT NULL,
    refresh_token BLOB NOT NULL REFERENCES refresh_token (id) ON DELETE CASCADE,
    replaced INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX replaced_value_refresh_token ON replaced_value (refresh_token);
CREATE INDEX replaced_value_replaced ON replaced_value (replaced);

-- AUTOINCREMENT: a number is never given again, also when the last entry has been swept.
CREATE TABLE revocation (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    issuer TEXT NOT NULL,
    scope TEXT NOT NULL,
    target TEXT,
    audience TEXT,
    instant INTEGER NOT NULL,
    basis TEXT NOT NULL,
    ends INTEGER NOT NULL,
    user TEXT
) STRICT;
CREATE INDEX revocation_ends ON revocation (ends);

CREATE TABLE signing_key (
    id TEXT PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL,
    application BLOB,
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL,
    sealed BLOB NOT NULL,
    public BLOB NOT NULL,
    created INTEGER NOT NULL,
    activated INTEGER,
    retired INTEGER,
    ends INTEGER,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE key_document (
    issuer TEXT PRIMARY KEY NOT NULL,
    source TEXT NOT NULL,
    fetched INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
