//! Who a partner's verified token says its user is.

use serde_json::{Map, Value};

use crate::authority::{Denial, IdentityProvider};
use crate::clock::Timestamp;
use crate::store::folded;
use crate::token::VerifiedClaims;

/// The longest email address or username, in bytes (RFC 5321 section 4.5.3.1.3).
const MOST_NAME: usize = 254;

/// A user as a partner's token describes one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stranger {
    /// What the link is by.
    pub(super) subject: String,
    pub(super) email: Option<Email>,
    pub(super) username: Option<String>,
    /// `iat`.
    pub(super) issued: Option<Timestamp>,
    /// The subject is an address that the provider could vouch for, and the token does not.
    pub(super) is_open_address: bool,
    pub(super) claims: Map<String, Value>,
}

/// An email address in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Email {
    /// Its case folded.
    pub(super) address: String,
    /// The provider speaks for its domain and knows it to be the user's: only then does it name a user who is there.
    pub(super) is_vouched: bool,
}

impl Stranger {
    /// What `claims` say, as `provider`'s settings read them.
    ///
    /// # Errors
    /// [`Denial::Unauthorized`] where the user is not named, an address is none, or its domain is not the provider's; and
    /// where the user is named by an address that the token itself says is not known to be theirs.
    pub(super) fn of(provider: &IdentityProvider, claims: &VerifiedClaims) -> Result<Self, Denial> {
        Self::read(provider, claims.document(), claims.issued_at()).ok_or(Denial::Unauthorized)
    }

    fn read(provider: &IdentityProvider, claims: &Map<String, Value>, issued: Option<Timestamp>) -> Option<Self> {
        let email = match text(claims, &provider.email_claim)? {
            Some(text) => Some(email(provider, claims, text)?),
            None if provider.domains.is_empty() => None,
            None => return None,
        };
        let is_named_by_email = provider.unique_identity_claim == provider.email_claim;
        let subject = match &email {
            // The spelling does not count: one mailbox is one user.
            Some(email) if is_named_by_email => email.address.clone(),
            _ => text(claims, &provider.unique_identity_claim)??.to_owned(),
        };
        // Under whichever claim it comes.
        let by_address = email.as_ref().filter(|email| email.address == folded(&subject));
        if by_address.is_some() && is_denied(provider, claims) {
            return None;
        }
        Some(Self {
            is_open_address: by_address.is_some_and(|email| !email.is_vouched) && !provider.domains.is_empty(),
            subject,
            email,
            username: text(claims, &provider.username_claim)?.map(str::to_owned),
            issued,
            claims: claims.clone(),
        })
    }

    /// The username, where it can be one.
    pub(super) fn usable_username(&self) -> Option<&str> {
        self.username.as_deref().filter(|name| name.len() <= MOST_NAME && !name.chars().any(char::is_control))
    }
}

/// Whether the address is said not to be known to be the user's, which is more than not to say so.
fn is_denied(provider: &IdentityProvider, claims: &Map<String, Value>) -> bool {
    let word = claims.get(&provider.email_verified_claim).filter(|word| !word.is_null());
    !provider.trust_email && word.is_some_and(|word| *word != Value::Bool(true))
}

/// A claim that is a string with something in it if it is there; the outer `None`: it is anything else.
#[expect(clippy::option_option, reason = "wrong, absent and present are three things")]
fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<Option<&'c str>> {
    match claims.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) if !text.is_empty() => Some(Some(text)),
        Some(_) => None,
    }
}

/// The address that `text` is, where its domain is one of the provider's if that has any.
fn email(provider: &IdentityProvider, claims: &Map<String, Value>, text: &str) -> Option<Email> {
    let address = folded(text);
    let (_, domain) = Some(&*address).filter(|address| is_address(address))?.rsplit_once('@')?;
    let is_covered = provider.domains.iter().any(|covered| covered == domain);
    if !is_covered && !provider.domains.is_empty() {
        return None;
    }
    let is_verified = provider.trust_email || claims.get(&provider.email_verified_claim) == Some(&Value::Bool(true));
    Some(Email { is_vouched: is_covered && is_verified, address })
}

/// One `@` between two parts, no spaces or control characters. A quoted local part, which may hold an `@`, is refused: of
/// those no two programs agree where the domain begins.
fn is_address(text: &str) -> bool {
    let parts = text.split_once('@').filter(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'));
    parts.is_some() && text.len() <= MOST_NAME && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::authority::example;

    fn provider() -> IdentityProvider {
        IdentityProvider { domains: vec!["partner.example".into()], ..example::provider() }
    }

    fn read(provider: &IdentityProvider, claims: Value) -> Option<Stranger> {
        let Value::Object(claims) = claims else { panic!("no claims") };
        Stranger::read(provider, &claims, None)
    }

    #[test]
    fn a_domain_is_what_follows_the_only_at_and_is_compared_whole() {
        for (email, expected) in [
            ("a@partner.example", true),
            ("A@PARTNER.Example", true),
            ("evil@partner.example.evil", false),
            ("evil@evilpartner.example", false),
            ("evil@sub.partner.example", false),
            ("a@partner.example.", false),
            ("a@b@partner.example", false),
            ("\"a@evil.example\"@partner.example", false),
            ("a@partner.example@evil.example", false),
            ("@partner.example", false),
            ("a@", false),
            ("a", false),
            ("", false),
            ("a @partner.example", false),
            ("a@partner.example\n", false),
            ("a@partner.example\0", false),
            ("a@p\u{430}rtner.example", false),
        ] {
            assert_eq!(read(&provider(), json!({ "email": email })).is_some(), expected, "{email:?}");
        }
    }

    #[test]
    fn a_lookalike_letter_names_another_mailbox() {
        let found = read(&provider(), json!({ "email": "mi\u{212a}e@partner.example", "email_verified": true })).unwrap();
        assert_ne!(found.email.unwrap().address, "mike@partner.example");
    }

    #[test]
    fn an_address_is_vouched_for_by_the_domain_and_the_claim_together() {
        // Named by an address, one who is denied it is refused before.
        let provider = || IdentityProvider { unique_identity_claim: "sub".into(), ..provider() };
        let trusting = IdentityProvider { trust_email: true, ..provider() };
        let anywhere = IdentityProvider { domains: Vec::new(), trust_email: true, ..provider() };
        for (provider, verified, expected) in [
            (provider(), json!(true), true),
            (provider(), json!(false), false),
            (provider(), json!("true"), false),
            (provider(), json!(1), false),
            (provider(), Value::Null, false),
            (trusting.clone(), Value::Null, true),
            (trusting, json!(false), true),
            (anywhere, json!(true), false),
        ] {
            let found = read(&provider, json!({ "sub": "7", "email": "a@partner.example", "email_verified": verified })).unwrap();
            assert_eq!(found.email.unwrap().is_vouched, expected, "{verified} {:?}", provider.domains);
        }
    }

    #[test]
    fn the_user_is_named_by_a_string_with_something_in_it() {
        let by_subject = IdentityProvider { unique_identity_claim: "sub".into(), domains: Vec::new(), ..provider() };
        assert_eq!(read(&by_subject, json!({ "sub": "7" })).map(|found| found.subject).as_deref(), Some("7"));
        for claims in [json!({}), json!({ "sub": "" }), json!({ "sub": 7 }), json!({ "sub": null }), json!({ "sub": ["7"] })] {
            assert_eq!(read(&by_subject, claims.clone()), None, "{claims}");
        }
        let by_email = read(&provider(), json!({ "email": "Ann@Partner.example" })).unwrap();
        assert_eq!(by_email.subject, "ann@partner.example");
        let with_domains = IdentityProvider { unique_identity_claim: "sub".into(), ..provider() };
        assert_eq!(read(&with_domains, json!({ "sub": "7" })), None, "domains need an address");
    }
}
