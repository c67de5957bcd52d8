//! The authority as an issuer among others: how its tokens are verified on routes, and those that it vends.

use std::time::Duration;

use super::{AUTHORITY_ISSUER, AuthoritySettings, SigningKeys, VEND_ISSUER};
use crate::identity::Pointer;
use crate::issuer::{IssuerSettings, KeySource, OwnKeys, RefreshSettings};
use crate::token::Algorithm;

/// `typ` of vended tokens.
pub const VEND_TYPE: &str = "vend+jwt";
/// As for any issuer whose block does not say.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The issuers of access tokens and of vended tokens. Their audiences are the applications; an access token may also be
/// for the authority itself, which no route is.
pub fn issuers(settings: &AuthoritySettings, keys: &SigningKeys) -> [IssuerSettings; 2] {
    let mut access = issuer(settings, AUTHORITY_ISSUER, keys.access_keys());
    access.audiences.push(settings.issuer.to_string());
    let vend = issuer(settings, VEND_ISSUER, keys.vend_keys());
    let vend_issuer = format!("{}/{VEND_ISSUER}", settings.issuer).into();
    [access, IssuerSettings { issuer: vend_issuer, types: vec![VEND_TYPE.to_owned()], ..vend }]
}

fn issuer(settings: &AuthoritySettings, name: &str, keys: &OwnKeys) -> IssuerSettings {
    IssuerSettings {
        name: name.into(),
        issuer: settings.issuer.clone(),
        audiences: settings.applications.iter().map(|application| application.id.to_string()).collect(),
        algorithms: Algorithm::ALL.to_vec(),
        source: KeySource::Own(keys.clone()),
        refresh: RefreshSettings::default(),
        roles_claim: Pointer::parse("/roles").ok(),
        scope_claim: None,
        max_lifetime: None,
        leeway: Duration::ZERO,
        types: vec!["JWT".to_owned()],
        require_type: true,
        max_token_bytes: MAX_TOKEN_BYTES,
    }
}
