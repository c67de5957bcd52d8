//! `jsonwebtoken` as the oracle: what we accept it accepts, with the same claims; what is untampered we accept.

use std::collections::HashSet;

use jsonwebtoken::{DecodingKey, Validation};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::{ISSUER, LIMIT, rules};
use crate::clock::{Clock, Timestamp};
use crate::token::tests::signer::Signer;
use crate::token::{Algorithm, ClaimRules, RawToken, TokenFault, VerifiedClaims, examine, verify};

/// The oracle reads the machine's clock and knows no other, so here alone the tests do too; every generated time is
/// far from it.
fn now() -> Timestamp {
    Clock::system().now()
}

fn oracle_name(algorithm: Algorithm) -> Option<jsonwebtoken::Algorithm> {
    algorithm.name().parse().ok()
}

fn oracle_key(signer: &Signer) -> DecodingKey {
    let bytes = signer.public_bytes();
    match signer.algorithm.name().as_bytes() {
        [b'R' | b'P', ..] => DecodingKey::from_rsa_der(&bytes),
        [b'E', b'S', ..] => DecodingKey::from_ec_der(&bytes),
        [b'E', ..] => DecodingKey::from_ed_der(&bytes),
        _ => DecodingKey::from_secret(&bytes),
    }
}

/// The same rules as [`rules`], as strictly as the oracle can hold them.
fn oracle(signer: &Signer, token: &str, rules: &ClaimRules) -> Option<Map<String, Value>> {
    let mut validation = Validation::new(oracle_name(signer.algorithm)?);
    validation.leeway = rules.leeway.as_secs();
    validation.validate_nbf = true;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&rules.audiences);
    validation.required_spec_claims = HashSet::from(["exp", "iss", "aud"].map(String::from));
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &oracle_key(signer), &validation);
    decoded.ok().map(|data| data.claims)
}

fn ours(signer: &Signer, token: &str, rules: &ClaimRules) -> Result<VerifiedClaims, TokenFault> {
    verify(RawToken::parse(token, LIMIT)?, &signer.key(), rules, now())
}

fn shared_algorithms() -> impl Strategy<Value = Algorithm> {
    let shared: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(|algorithm| oracle_name(*algorithm).is_some()).collect();
    assert_eq!(shared.len(), 12);
    prop::sample::select(shared)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

/// Claims that every rule accepts, with any other members besides.
fn good_claims() -> impl Strategy<Value = Value> {
    let aud = prop_oneof![Just(json!("gateway")), Just(json!(["x", "second"])), Just(json!(["gateway"]))];
    let others = prop::collection::btree_map("x_[a-z]{1,6}", any_value(), 0..5);
    let times = (60..100_000u64, 60..100_000u64, any::<bool>(), any::<bool>());
    ("\\PC{0,20}", aud, others, times).prop_map(|(sub, aud, others, (ahead, behind, fraction, with_nbf))| {
        let seconds = now().seconds();
        let exp = if fraction { json!((seconds + ahead) as f64 + 0.5) } else { json!(seconds + ahead) };
        let mut claims = json!({"iss": ISSUER, "sub": sub, "aud": aud, "exp": exp, "iat": seconds - behind});
        let members = claims.as_object_mut().unwrap();
        if with_nbf {
            members.insert("nbf".into(), json!(seconds - behind));
        }
        members.extend(others);
        claims
    })
}

/// [`good_claims`], of which one registered member may be anything.
fn any_claims() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]);
    (good_claims(), name, any_value()).prop_map(|(mut claims, name, value)| {
        claims.as_object_mut().unwrap().insert(name.into(), value);
        claims
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_untampered_token_is_accepted_by_both_with_the_same_claims(algorithm in shared_algorithms(), claims in good_claims()) {
        let signer = Signer::new(algorithm);
        let token = signer.token(&claims);
        let verified = ours(&signer, &token, &rules()).unwrap();
        prop_assert_eq!(oracle(&signer, &token, &rules()), Some(verified.document().clone()));
        prop_assert_eq!(verified.subject(), claims["sub"].as_str());
    }

    #[test]
    fn whatever_we_accept_the_oracle_accepts(algorithm in shared_algorithms(), claims in any_claims()) {
        let signer = Signer::new(algorithm);
        let token = signer.token(&claims);
        if let Ok(verified) = ours(&signer, &token, &rules()) {
            prop_assert_eq!(oracle(&signer, &token, &rules()), Some(verified.document().clone()));
        }
    }

    #[test]
    fn examining_finds_a_fault_exactly_where_verifying_does(claims in any_claims(), forged in any::<bool>()) {
        let signer = Signer::new(Algorithm::ES256);
        let token = signer.token(&claims);
        let key = if forged { Signer::new(Algorithm::ES256).key() } else { signer.key() };
        if let Ok(raw) = RawToken::parse(&token, LIMIT) {
            let faults: Vec<_> = examine(&raw, Some(&key), &rules(), now()).into_iter().filter_map(|check| check.fault).collect();
            match verify(raw, &key, &rules(), now()) {
                Ok(_) => prop_assert_eq!(faults, []),
                Err(fault) => prop_assert!(faults.contains(&fault), "{fault:?} {faults:?}"),
            }
        }
    }

    #[test]
    fn whatever_we_accept_after_a_mutation_the_oracle_accepts(algorithm in shared_algorithms(), claims in good_claims(),
        places in prop::collection::vec((any::<Index>(), "[A-Za-z0-9_.=-]{0,2}"), 1..3)) {
        let signer = Signer::new(algorithm);
        let token = signer.token(&claims);
        let mut mutated = token.clone();
        for (place, replacement) in places {
            let place = place.index(mutated.len());
            mutated.replace_range(place..place + 1, &replacement);
        }
        let accepted = ours(&signer, &mutated, &rules());
        prop_assert_eq!(accepted.is_ok(), mutated == token);
        if let Ok(verified) = accepted {
            prop_assert_eq!(oracle(&signer, &mutated, &rules()), Some(verified.document().clone()));
        }
    }

    #[test]
    fn headers_of_any_shape_never_make_us_accept_what_the_oracle_refuses(algorithm in shared_algorithms(), claims in good_claims(),
        members in prop::collection::btree_map("alg|typ|kid|crit|b64|jku|x5c|cty|zip|[a-z]{1,4}", any_value(), 0..4), named in any::<bool>()) {
        let signer = Signer::new(algorithm);
        let mut header = json!(members);
        if named {
            header["alg"] = json!(algorithm.name());
        }
        let token = signer.token_of(&header.to_string(), &claims.to_string());
        if ours(&signer, &token, &rules()).is_ok() {
            prop_assert!(!members.contains_key("crit") && !members.contains_key("b64"));
            // The oracle reads header members that mean nothing here, and refuses those of another type.
            let harmless = json!({"alg": algorithm.name()}).to_string();
            prop_assert!(oracle(&signer, &signer.token_of(&harmless, &claims.to_string()), &rules()).is_some());
        }
    }
}

#[test]
fn the_oracle_itself_sees_the_difference() {
    let signer = Signer::new(Algorithm::ES256);
    let claims = json!({"iss": ISSUER, "aud": "gateway", "exp": now().seconds() + 300});
    let token = signer.token(&claims);
    assert!(oracle(&signer, &token, &rules()).is_some());
    assert!(oracle(&Signer::new(Algorithm::ES256), &token, &rules()).is_none());
}

#[test]
fn pem_and_jwk_readings_agree_with_the_oracles() {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| oracle_name(*algorithm).is_some() && !algorithm.is_symmetric())
    {
        let signer = Signer::new(algorithm);
        let claims = json!({"iss": ISSUER, "aud": "gateway", "exp": now().seconds() + 300});
        let token = signer.token(&claims);
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(signer.jwk("k")).unwrap();
        let mut validation = Validation::new(oracle_name(algorithm).unwrap());
        validation.set_audience(&["gateway"]);
        let key = DecodingKey::from_jwk(&jwk).unwrap();
        assert!(jsonwebtoken::decode::<Value>(&token, &key, &validation).is_ok(), "{algorithm}");
        assert!(ours(&signer, &token, &rules()).is_ok(), "{algorithm}");
    }
}
