//! `[[application]]` blocks to [`Application`].

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::authority::{Application, Expiration, Role, Signing, SingleSignOn, Usage};
use crate::config::compile::authority::{algorithm, check_lifetimes, id};
use crate::config::compile::{Context, all, check_name, key_source, word};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{ApplicationFile, SingleSignOnFile};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::source::Source;
use crate::config::units::Span;
use crate::secret::Secret;
use crate::token::Algorithm;

const GRACE: Duration = Duration::from_secs(60);
const LONGEST_GRACE: Duration = Duration::from_secs(24 * 3600);
const MAXIMUM_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Every application by name, with what others need to know of it before it is compiled.
pub(in crate::config::compile) struct Applications(BTreeMap<String, Known>);

struct Known {
    id: Option<Uuid>,
    /// Its tokens are signed with a secret that its backends have too.
    is_shared: bool,
}

/// What an application is known by, read also where another of its settings cannot be.
#[derive(serde::Deserialize)]
struct Named {
    name: Option<String>,
    id: Option<String>,
    signing_algorithm: Option<String>,
}

impl Applications {
    pub(in crate::config::compile) fn of(source: &Source) -> Self {
        // What is wrong with a block is reported where it is compiled.
        let blocks = source.blocks::<Named>("application", &mut Problems::default());
        let known = blocks.into_iter().filter_map(|Block { path, value }| {
            let id = id(&value.id?, &path, &mut Problems::default());
            let algorithm = value.signing_algorithm.as_deref().and_then(Algorithm::from_name);
            Some((value.name?, Known { id, is_shared: algorithm.is_some_and(Algorithm::is_symmetric) }))
        });
        Self(known.collect())
    }

    /// The id of the application of this name. A name that is no application's is reported.
    pub(in crate::config::compile) fn id(
        &self,
        name: &str,
        source: &Source,
        path: &KeyPath,
        problems: &mut Problems,
    ) -> Option<Uuid> {
        check_name(source, "application", name, path, problems);
        self.0.get(name)?.id
    }

    /// Whether its tokens are signed with a secret that its backends have too.
    pub(in crate::config::compile) fn is_shared(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|known| known.is_shared)
    }
}

/// `refresh_lifetime` is the authority's, for applications that have none of their own.
pub(super) fn compile(
    block: &Block<ApplicationFile>,
    source: &Source,
    known: &Applications,
    refresh_lifetime: Duration,
    context: &mut Context<'_>,
) -> Option<Application> {
    let Block { path, value: file } = block;
    let problems = &mut *context.problems;
    let id = id(&file.id, &path.key("id"), problems);
    let own = [("access_token_lifetime", file.access_token_lifetime), ("refresh_token_lifetime", file.refresh_token_lifetime)];
    check_lifetimes(path, &own, problems);
    let roles = roles(file, &path.key("roles"), problems);
    let single_sign_on = single_sign_on(&file.single_sign_on, source, known, &path.key("single_sign_on"), problems);
    let usage = usage(file, path, problems);
    let refresh_lifetime = file.refresh_token_lifetime.map_or(refresh_lifetime, |span| span.0);
    let expiration = expiration(file, refresh_lifetime, path, problems);
    let signing = signing(file, path, context);
    Some(Application {
        id: id?,
        name: file.name.as_str().into(),
        roles,
        single_sign_on: single_sign_on?,
        generate_refresh_tokens: file.generate_refresh_tokens.unwrap_or(true),
        allow_token_refresh: file.allow_token_refresh.unwrap_or(true),
        login_requires_api_key: file.login_requires_api_key.unwrap_or(true),
        usage: usage?,
        expiration: expiration?,
        access_token_lifetime: file.access_token_lifetime.map(|span| span.0),
        refresh_token_lifetime: file.refresh_token_lifetime.map(|span| span.0),
        signing: signing?,
    })
}

fn roles(file: &ApplicationFile, path: &KeyPath, problems: &mut Problems) -> Vec<Role> {
    for (index, role) in file.roles.iter().enumerate() {
        let path = path.item(index).key("name");
        if role.name.is_empty() || role.name.chars().any(char::is_control) {
            problems.refuse(&path, quoted(&role.name), "a name of at least one character, without control characters");
        } else if file.roles.iter().take(index).any(|other| other.name == role.name) {
            problems.refuse(&path, format_args!("{} a second time", quoted(&role.name)), "each role once");
        }
    }
    file.roles.iter().map(|role| Role { name: role.name.clone(), is_default: role.default }).collect()
}

fn single_sign_on(
    file: &SingleSignOnFile,
    source: &Source,
    known: &Applications,
    path: &KeyPath,
    problems: &mut Problems,
) -> Option<SingleSignOn> {
    let names = match file {
        SingleSignOnFile::Open => return Some(SingleSignOn::Open),
        SingleSignOnFile::Closed => return Some(SingleSignOn::Closed),
        SingleSignOnFile::From(names) => names,
    };
    if names.is_empty() {
        problems.refuse(path, "no application", "at least one name (false for none, true for all)");
    }
    let ids = all(names, path, |name, path| {
        if names.iter().filter(|other| *other == name).count() > 1 {
            problems.refuse(path, format_args!("{} more than once", quoted(name)), "each application once");
        }
        if known.is_shared(name) {
            let found = format!("{}, whose tokens anyone can make who has its `signing_secret`", quoted(name));
            problems.refuse(path, found, "applications whose tokens the authority alone can make");
        }
        known.id(name, source, path, problems)
    });
    ids.map(SingleSignOn::From)
}

/// A program without an API key shows its refresh token to whoever reads its memory; only a token that is good once
/// gives a thief away.
fn usage(file: &ApplicationFile, path: &KeyPath, problems: &mut Problems) -> Option<Usage> {
    const WORDS: [(&str, bool); 2] = [("reusable", false), ("one-time", true)];
    let is_public = file.login_requires_api_key == Some(false);
    let default = if is_public { "one-time" } else { "reusable" };
    let usage_path = path.key("refresh_token_usage");
    let one_time = word(file.refresh_token_usage.as_deref().unwrap_or(default), &WORDS, &usage_path, problems)?;
    if is_public && !one_time {
        let found = "\"reusable\" beside `login_requires_api_key = false`";
        problems.refuse(&usage_path, found, "\"one-time\", where anyone may sign in without an API key");
    }
    let grace = file.one_time_grace.map_or(GRACE, |span| span.0);
    if grace > LONGEST_GRACE {
        problems.refuse(&path.key("one_time_grace"), format_args!("{} s", grace.as_secs()), "at most \"24h\"");
    }
    Some(if one_time { Usage::OneTime { grace } } else { Usage::Reusable })
}

fn expiration(file: &ApplicationFile, lifetime: Duration, path: &KeyPath, problems: &mut Problems) -> Option<Expiration> {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Fixed,
        Sliding,
        Maximum,
    }
    const WORDS: [(&str, Kind); 3] =
        [("fixed", Kind::Fixed), ("sliding", Kind::Sliding), ("sliding-with-maximum", Kind::Maximum)];
    let text = file.refresh_token_expiration.as_deref().unwrap_or("fixed");
    let kind = word(text, &WORDS, &path.key("refresh_token_expiration"), problems)?;
    let path = path.key("refresh_token_maximum_lifetime");
    if kind != Kind::Maximum && file.refresh_token_maximum_lifetime.is_some() {
        let message = "found it without `refresh_token_expiration = \"sliding-with-maximum\"`; allowed: only beside it";
        problems.error(&path, message);
    }
    let maximum = file.refresh_token_maximum_lifetime.map_or(MAXIMUM_LIFETIME, |Span(maximum)| maximum);
    if kind == Kind::Maximum && maximum < lifetime {
        let found = format!("{} s, shorter than the refresh token's lifetime ({} s)", maximum.as_secs(), lifetime.as_secs());
        problems.refuse(&path, found, "at least `refresh_token_lifetime`");
    }
    Some(match kind {
        Kind::Fixed => Expiration::Fixed,
        Kind::Sliding => Expiration::Sliding,
        Kind::Maximum => Expiration::SlidingWithMaximum(maximum),
    })
}

fn signing(file: &ApplicationFile, path: &KeyPath, context: &mut Context<'_>) -> Option<Signing> {
    let shared = file.signing_algorithm.as_deref().and_then(Algorithm::from_name).filter(|it| it.is_symmetric());
    if let Some(algorithm) = shared {
        return shared_secret(file, algorithm, path, context).map(|secret| Signing::Secret(algorithm, secret));
    }
    let secrets =
        [("signing_secret", file.signing_secret.is_some()), ("signing_secret_file", file.signing_secret_file.is_some())];
    for (key, _) in secrets.into_iter().filter(|(_, present)| *present) {
        let message = "found it without `signing_algorithm = \"HS256\"`, \"HS384\" or \"HS512\"; allowed: only beside it";
        context.problems.error(&path.key(key), message);
    }
    let Some(text) = file.signing_algorithm.as_deref() else { return Some(Signing::Authority) };
    algorithm(Some(text), &path.key("signing_algorithm"), context.problems).map(Signing::Own)
}

fn shared_secret(file: &ApplicationFile, algorithm: Algorithm, path: &KeyPath, context: &mut Context<'_>) -> Option<Secret> {
    if file.single_sign_on != SingleSignOnFile::Closed {
        let message = format!(
            "found it open beside `signing_algorithm = \"{algorithm}\"`; allowed: `single_sign_on = false`, since anyone can make \
             this application's tokens who has its secret"
        );
        context.problems.error(&path.key("single_sign_on"), message);
    }
    let (text_path, file_path) = (path.key("signing_secret"), path.key("signing_secret_file"));
    let (secret, path) = match (&file.signing_secret, &file.signing_secret_file) {
        (Some(text), None) => (Secret::new(text.as_bytes().to_vec()), text_path),
        (None, Some(name)) => (context.files.secret(name, &file_path, context.problems)?, file_path),
        (Some(_), Some(_)) => {
            context.problems.refuse(&file_path, "it beside `signing_secret`", "only one of the two");
            return None;
        }
        (None, None) => {
            let message = format!("found nothing; {algorithm} needs `signing_secret_file` or `signing_secret`");
            context.problems.error(&file_path, message);
            return None;
        }
    };
    key_source::check_length(&secret, algorithm, &path, context.problems)?;
    Some(secret)
}
