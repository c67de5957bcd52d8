//! Key sets from files, in place of those that the gateway would fetch or has in its store.

use std::path::PathBuf;

use super::request::Fault;
use crate::authority::AUTHORITY_ISSUER;
use crate::issuer::{IssuerSettings, KeyFile, KeySource, OwnKeys};

/// Puts the key set that `given` names (`FILE` or `ISSUER=FILE`) in place of that issuer's source.
pub(super) fn replace(issuers: &mut [IssuerSettings], given: &str) -> Result<(), Fault> {
    let named = given.split_once('=').filter(|(name, _)| issuers.iter().any(|issuer| &*issuer.name == *name));
    let (issuer, file) = match named {
        Some((name, file)) => (issuers.iter_mut().find(|issuer| &*issuer.name == name), file),
        None => (only_fetching(issuers), given),
    };
    let several = || format!("--jwks {given}: say whose keys they are, as --jwks ISSUER=FILE");
    let issuer = issuer.ok_or_else(several)?;
    let content = std::fs::read(file).map_err(|error| format!("--jwks {file}: cannot be read ({error})"))?;
    issuer.source = match &issuer.source {
        // The authority's tokens are judged by other rules than those of others.
        KeySource::Own(_) => {
            let keys = OwnKeys::of_published(&content, &issuer.algorithms);
            KeySource::Own(keys.map_err(|error| format!("--jwks {file}: {error}"))?)
        }
        _ => KeySource::JwksFile(KeyFile { path: PathBuf::from(file), content }),
    };
    Ok(())
}

fn only_fetching(issuers: &mut [IssuerSettings]) -> Option<&mut IssuerSettings> {
    let fetches = |issuer: &&mut IssuerSettings| match issuer.source {
        KeySource::Discovery(_) | KeySource::JwksUrl(_) | KeySource::FusionAuth(..) => true,
        KeySource::Own(_) => &*issuer.name == AUTHORITY_ISSUER,
        _ => false,
    };
    let mut fetching = issuers.iter_mut().filter(fetches);
    fetching.next().filter(|_| fetching.next().is_none())
}
