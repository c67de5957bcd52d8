//! `[store]` to [`StoreSettings`]. Nothing is opened or made here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::config::compile::Context;
use crate::config::diagnostic::quoted;
use crate::config::file::StoreFile;
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::source::Source;
use crate::secret::Secret;
use crate::store::{EncryptionKey, Location, StoreSettings};

const KEY_FORM: &str = "32 random bytes in base64, such as those of `openssl rand -base64 32`";

/// The outer `None`: refused; the inner: none.
#[expect(clippy::option_option, reason = "refused, absent and present are three things")]
pub(super) fn compile(source: &Source, context: &mut Context<'_>) -> Option<Option<StoreSettings>> {
    if !source.has("store") {
        if source.has("authority") && !source.has_in("authority", "remote_url") {
            let message = "found no `[store]` that it could keep users, sessions and keys in; add one with \
                           `url = \"sqlite://tollgate.db\"` and `encryption_key_file = \"tollgate.key\"`";
            context.problems.error(&KeyPath::of("authority"), message);
        }
        return Some(None);
    }
    let Block { path, value: file } = source.section::<StoreFile>("store", context.problems)?;
    let location = location(&file.url, &path.key("url"), context);
    let encryption_key = encryption_key(&file, &path, context);
    Some(Some(StoreSettings { location: location?, encryption_key: encryption_key? }))
}

fn location(url: &str, path: &KeyPath, context: &mut Context<'_>) -> Option<Location> {
    const FORM: &str = r#"a SQLite file such as "sqlite://tollgate.db" or "sqlite:///var/lib/tollgate/tollgate.db""#;
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        context.problems.refuse(path, quoted(url), format_args!("{FORM} (this version does not support PostgreSQL)"));
        return None;
    }
    let name = url.strip_prefix("sqlite://").filter(|name| !name.is_empty() && !name.ends_with('/') && *name != ":memory:");
    let Some(name) = name.filter(|name| !name.contains(['?', '#', '\0'])) else {
        context.problems.refuse(path, quoted(url), FORM);
        return None;
    };
    Some(Location::Sqlite(context.files.locate(name)))
}

fn encryption_key(file: &StoreFile, path: &KeyPath, context: &mut Context<'_>) -> Option<EncryptionKey> {
    let (key_path, file_path) = (path.key("encryption_key"), path.key("encryption_key_file"));
    match (&file.encryption_key, &file.encryption_key_file) {
        (Some(text), None) => {
            let key = Secret::new(text.trim().into());
            check_key(&key, "a text that is no such key", &key_path, context)?;
            Some(EncryptionKey::Given(key))
        }
        (None, Some(name)) => {
            if let Some(key) = context.files.secret_if_there(name, &file_path, context.problems)? {
                let found = format!("file {}, which holds no such key", quoted(&context.files.locate(name).to_string_lossy()));
                check_key(&key, &found, &file_path, context)?;
            }
            Some(EncryptionKey::File(context.files.locate(name)))
        }
        (Some(_), Some(_)) => {
            context.problems.refuse(&file_path, "it beside `encryption_key`", "only one of the two");
            None
        }
        (None, None) => {
            let message =
                "found nothing; add `encryption_key_file = \"tollgate.key\"`, a file that is made together with a new store";
            context.problems.error(&file_path, message);
            None
        }
    }
}

fn check_key(key: &Secret, found: &str, path: &KeyPath, context: &mut Context<'_>) -> Option<()> {
    let bytes = STANDARD.decode(key.expose().trim_ascii()).map(Zeroizing::new);
    if bytes.is_ok_and(|bytes| bytes.len() == 32) {
        return Some(());
    }
    context.problems.refuse(path, found, KEY_FORM);
    None
}
