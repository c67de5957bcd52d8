//! `[[api_key]]` blocks to [`ApiKey`]. Of a key in a file only the hash is kept.

use std::collections::BTreeMap;

use http::Method;

use crate::authority::{ApiKey, Permissions};
use crate::config::compile::authority::api_paths::PERMITTED;
use crate::config::compile::{Context, all, word};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{ApiKeyFile, PermissionsFile};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::schema;

const METHODS: [(&str, &Method); 5] = [
    ("GET", &Method::GET),
    ("POST", &Method::POST),
    ("PUT", &Method::PUT),
    ("PATCH", &Method::PATCH),
    ("DELETE", &Method::DELETE),
];

pub(super) fn compile(block: &Block<ApiKeyFile>, context: &mut Context<'_>) -> Option<ApiKey> {
    let Block { path, value: file } = block;
    let sha256 = hash(file, path, context);
    let permissions = permissions(&file.permissions, &path.key("permissions"), context.problems);
    Some(ApiKey {
        name: file.name.as_str().into(),
        sha256: sha256?,
        permissions: permissions?,
        show_refresh_tokens: file.show_refresh_tokens,
    })
}

fn hash(file: &ApiKeyFile, path: &KeyPath, context: &mut Context<'_>) -> Option<[u8; 32]> {
    let (hash_path, file_path) = (path.key("sha256"), path.key("key_file"));
    match (&file.sha256, &file.key_file) {
        (Some(text), None) => parse(text, &hash_path, context.problems),
        (None, Some(name)) => hash_of_file(name, &file_path, context),
        (Some(_), Some(_)) => {
            context.problems.refuse(&file_path, "it beside `sha256`", "only one of the two");
            None
        }
        (None, None) => {
            let message = "found nothing; `tollgate hash-key` makes a key and its `sha256`; or give `key_file`";
            context.problems.error(&hash_path, message);
            None
        }
    }
}

fn parse(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<[u8; 32]> {
    let hash = bytes(text);
    if hash.is_none() {
        // What does not look like a hash may be the key itself.
        let found = format_args!("a text of {} characters", text.chars().count());
        problems.refuse(path, found, "the 64 hexadecimal digits that `tollgate hash-key` prints");
    }
    hash
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let [high, low] = pair else { return None };
        *byte = value(high)? << 4 | value(low)?;
    }
    Some(hash)
}

fn hash_of_file(name: &str, path: &KeyPath, context: &mut Context<'_>) -> Option<[u8; 32]> {
    let key = context.files.secret(name, path, context.problems)?;
    let key = key.expose();
    let file = || quoted(&context.files.locate(name).to_string_lossy());
    if key.len() < ApiKey::SHORTEST {
        let found = format!("file {} with a key of {} characters", file(), key.len());
        context.problems.refuse(path, found, "at least 32 random ones, such as those of `tollgate hash-key`");
        return None;
    }
    if !key.iter().all(u8::is_ascii_graphic) {
        let found = format!("file {} with more than a key", file());
        context.problems.refuse(path, found, "one line of letters, digits and punctuation, without spaces");
        return None;
    }
    Some(ApiKey::digest(key))
}

fn permissions(file: &PermissionsFile, path: &KeyPath, problems: &mut Problems) -> Option<Permissions> {
    let paths = match file {
        PermissionsFile::All => return Some(Permissions::All),
        PermissionsFile::Only(paths) => paths,
    };
    let compiled: Vec<_> = paths.iter().map(|(api, names)| permission(api, names, &path.key(api), problems)).collect();
    compiled.into_iter().collect::<Option<BTreeMap<_, _>>>().map(Permissions::Only)
}

fn permission(api: &str, names: &[String], path: &KeyPath, problems: &mut Problems) -> Option<(String, Vec<Method>)> {
    if !PERMITTED.contains(&api) {
        let suggestion = schema::suggestion(api, PERMITTED);
        problems.bad_key(path, format!("found {}, which is no path of the API; {suggestion}", quoted(api)));
    }
    if names.is_empty() {
        problems.refuse(path, "no method", "at least one (leave the path out where there is none)");
    }
    let methods = all(names, path, |name, path| {
        if names.iter().filter(|other| *other == name).count() > 1 {
            problems.refuse(path, format_args!("{} more than once", quoted(name)), "each method once");
        }
        word(name, &METHODS, path, problems).cloned()
    });
    Some((api.to_owned(), methods?))
}
