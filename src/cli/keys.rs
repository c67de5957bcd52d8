//! `tollgate keys`: the authority's signing keys, looked at and changed in the store that the gateways read.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::authority::{AuthoritySettings, Place, Sealer, SigningKeySettings, SigningKeys, SigningKeysError};
use crate::cli::opened_store::{self, Common};
use crate::cli::{Outcome, Streams, named, write_json};
use crate::clock::{Clock, Timestamp};
use crate::gateway::OpenedStore;
use crate::store::{KeyPurpose, KeyState, SigningKeyRecord, Store};

/// List, rotate and revoke the keys that the authority signs with.
///
/// The gateways on the same store, if any run, follow within about a second. Run it as the user that runs them. Exit code 0: done; 1: it could not be done; 2: bad usage
/// or a bad configuration.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_help = "Example:\n  tollgate keys list --config tollgate.toml")]
pub(super) struct Keys {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    List(List),
    Rotate(Rotate),
    Revoke(Revoke),
}

/// Show every key with what it signs and where it is in its life. No secret or private key is shown.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate keys list --config tollgate.toml --json")]
struct List {
    #[command(flatten)]
    common: Common,
}

/// Let the next key sign and prepare another. Tokens of the former key stay good until they expire.
///
/// Refused while the next key is too new for those who fetch the key set to have it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate keys rotate --config tollgate.toml")]
struct Rotate {
    #[command(flatten)]
    common: Common,
    /// What the key signs.
    #[arg(long, value_enum, default_value_t = Purpose::Access)]
    purpose: Purpose,
    /// The application, by name or id, whose own key is meant.
    #[arg(long, value_name = "APPLICATION")]
    application: Option<String>,
    /// Also where the next key is too new: backends that verify for themselves may refuse tokens until they fetch it.
    #[arg(long)]
    now: bool,
}

/// Refuse everything that a key has signed, from now on. Where it signs, the next key does.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate keys revoke --config tollgate.toml NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")]
struct Revoke {
    #[command(flatten)]
    common: Common,
    /// Its id (`kid`), as `tollgate keys list` shows it.
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Purpose {
    Access,
    Vend,
    Assertion,
    Webhook,
}

/// What the commands work on, once a configuration is read and its store is open.
struct Ground<'a> {
    store: Arc<dyn Store>,
    sealer: Arc<Sealer>,
    authority: &'a AuthoritySettings,
    clock: Clock,
}

impl Keys {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        opened_store::block_on(async {
            let clock = Clock::system();
            let opened = match opened_store::open(self.config(), &clock, streams).await {
                Ok(opened) => opened,
                Err(stopped) => return stopped,
            };
            let OpenedStore { store, sealer, .. } = opened.store;
            self.run_on(&Ground { store, sealer, authority: &opened.authority, clock }, streams).await
        })?
    }

    /// The configuration to read.
    fn config(&self) -> &PathBuf {
        let (KeysCommand::List(List { common })
        | KeysCommand::Rotate(Rotate { common, .. })
        | KeysCommand::Revoke(Revoke { common, .. })) = &self.command;
        &common.config
    }

    /// Does it. To list makes and changes nothing, whatever is missing.
    async fn run_on(self, ground: &Ground<'_>, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        let done = match &self.command {
            KeysCommand::List(list) => return ground.list(list.common.json, streams).await,
            KeysCommand::Rotate(rotate) => ground.rotate(rotate).await,
            KeysCommand::Revoke(revoke) => ground.revoke(revoke).await,
        };
        match done {
            Ok((json, document, text)) => {
                match json {
                    true => write_json(streams.out, &document)?,
                    false => writeln!(streams.out, "{text}")?,
                }
                Ok(Outcome::Good)
            }
            Err(reason) => {
                writeln!(streams.err, "tollgate: {reason}")?;
                Ok(Outcome::Failed)
            }
        }
    }
}

/// Whether JSON is wanted, the result as JSON, and as text.
type Done = (bool, Value, String);

impl Ground<'_> {
    async fn list(&self, json: bool, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        let mut records = match self.store.signing_keys().await {
            Ok(records) => records,
            Err(error) => {
                writeln!(streams.err, "tollgate: {error}")?;
                return Ok(Outcome::Failed);
            }
        };
        // By place, what signs first.
        records.sort_by_key(|record| (record.purpose, record.application, rank(record.state), record.created));
        if json {
            let keys: Vec<_> = records.iter().map(document).collect();
            write_json(streams.out, &json!({ "keys": keys }))?;
        } else {
            streams.out.write_all(self.table(&records).as_bytes())?;
        }
        Ok(Outcome::Good)
    }

    fn table(&self, records: &[SigningKeyRecord]) -> String {
        if records.is_empty() {
            return "no keys; the first start of a gateway makes them\n".to_owned();
        }
        let signs = |record: &SigningKeyRecord| match record.application {
            Some(id) => format!("{} of {}", purpose(record.purpose), self.name(id)),
            None => purpose(record.purpose).to_owned(),
        };
        let width = records.iter().map(|record| signs(record).chars().count()).max().unwrap_or_default();
        let line = |record: &SigningKeyRecord| {
            let (algorithm, state) = (&record.algorithm, state(record.state));
            format!("{:<width$}  {algorithm:<5}  {state:<7}  {:<43}  {}\n", signs(record), record.id, standing(record))
        };
        records.iter().map(line).collect()
    }

    fn name(&self, id: Uuid) -> String {
        self.authority.application(id).map_or_else(|| id.to_string(), |application| application.name.to_string())
    }

    async fn open(&self) -> Result<Arc<SigningKeys>, String> {
        let settings = SigningKeySettings::of(self.authority);
        let opened = SigningKeys::open(Arc::clone(&self.store), Arc::clone(&self.sealer), self.clock.clone(), settings);
        opened.await.map_err(said)
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Done, String> {
        let place = self.place(rotate)?;
        let keys = self.open().await?;
        match keys.rotate(place, rotate.now).await {
            Ok(()) => {}
            Err(error @ SigningKeysError::TooYoung { .. }) => return Err(format!("{error}; --now rotates nevertheless")),
            Err(error) => return Err(said(error)),
        }
        let signer = keys.ring().signer(place.purpose, place.application).map(|key| key.key_id().to_owned());
        let signer = signer.ok_or("no key signs there now")?;
        Ok((rotate.common.json, json!({ "active": signer }), format!("{signer} signs now")))
    }

    fn place(&self, rotate: &Rotate) -> Result<Place, String> {
        let purpose = match rotate.purpose {
            Purpose::Access => KeyPurpose::Access,
            Purpose::Vend => KeyPurpose::Vend,
            Purpose::Assertion => KeyPurpose::Assertion,
            Purpose::Webhook => KeyPurpose::Webhook,
        };
        let find = |name: &str| named::application(self.authority, name).map(|application| application.id);
        Ok(Place { purpose, application: rotate.application.as_deref().map(find).transpose()? })
    }

    async fn revoke(&self, revoke: &Revoke) -> Result<Done, String> {
        let id = &revoke.key;
        self.open().await?.revoke(id).await.map_err(said)?;
        Ok((revoke.common.json, json!({ "revoked": id }), format!("{id} is revoked; what it signed is refused")))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn said(error: SigningKeysError) -> String {
    error.to_string()
}

/// One key for programs; instants in seconds.
fn document(record: &SigningKeyRecord) -> Value {
    let seconds = |at: Option<Timestamp>| at.map(Timestamp::seconds);
    json!({
        "kid": record.id,
        "purpose": purpose(record.purpose),
        "application": record.application,
        "algorithm": record.algorithm,
        "state": state(record.state),
        "created": record.created.seconds(),
        "activated": seconds(record.activated),
        "retired": seconds(record.retired),
        "ends": seconds(end(record)),
    })
}

/// When the last token of a key that signs no more has expired.
fn end(record: &SigningKeyRecord) -> Option<Timestamp> {
    record.ends.filter(|_| matches!(record.state, KeyState::Retired | KeyState::Revoked))
}

fn standing(record: &SigningKeyRecord) -> String {
    match (record.state, record.activated, end(record)) {
        (KeyState::Next, ..) => format!("published since {}", record.created),
        (KeyState::Active, Some(activated), _) => format!("signs since {activated}"),
        (KeyState::Retired, _, Some(ends)) => format!("published until {ends}"),
        (KeyState::Revoked, ..) => record.retired.map_or_else(String::new, |at| format!("since {at} at the latest")),
        _ => String::new(),
    }
}

fn purpose(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::Access => "access",
        KeyPurpose::Vend => "vend",
        KeyPurpose::Assertion => "assertion",
        KeyPurpose::Webhook => "webhook",
    }
}

fn rank(state: KeyState) -> u8 {
    match state {
        KeyState::Active => 0,
        KeyState::Next => 1,
        KeyState::Retired => 2,
        KeyState::Revoked => 3,
    }
}

fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Next => "next",
        KeyState::Active => "active",
        KeyState::Retired => "retired",
        KeyState::Revoked => "revoked",
    }
}

#[cfg(test)]
mod tests;
