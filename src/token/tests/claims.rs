//! What the claims of a well-signed token must be.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ISSUER, LIMIT, NOW, check, fault_of, good, rules, with};
use crate::clock::Timestamp;
use crate::token::tests::signer::Signer;
use crate::token::{Algorithm, ClaimRules, RawToken, TokenFault, verify, verify_expired, verify_for_anyone};

/// Values of every JSON type; none of them is a time, an audience or a name.
fn wrong_types() -> [Value; 7] {
    [json!(null), json!(true), json!(false), json!([]), json!({}), json!([1]), json!({"a": 1})]
}

#[test]
fn a_good_token_of_every_algorithm_is_accepted_and_readable() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::new(algorithm);
        let claims = check(&signer, &signer.token(&good()), &rules()).unwrap();
        assert_eq!((claims.issuer(), claims.subject(), claims.token_id()), (ISSUER, Some("alice"), Some("id-1")));
        assert_eq!((claims.issued_at(), claims.expires_at()), (Some(NOW), NOW.plus(Duration::from_secs(300))));
        assert_eq!(Value::Object(claims.document().clone()), good());
    }
}

#[test]
fn a_token_for_anyone_may_have_any_audience_and_all_else_is_judged() {
    let signer = Signer::new(Algorithm::EdDSA);
    let judge = |changes: Value| {
        let token = signer.token(&with(changes));
        verify_for_anyone(RawToken::parse(&token, LIMIT)?, &signer.key(), &rules(), NOW).map(drop)
    };
    for audience in wrong_types().into_iter().chain([json!("another"), json!("-")]) {
        assert_eq!(judge(json!({ "aud": audience })), Ok(()), "{audience}");
    }
    let past = NOW.seconds() - 10;
    assert_eq!(judge(json!({ "exp": past })), Err(TokenFault::Expired));
    assert_eq!(judge(json!({ "iss": "https://issuer.example/" })), Err(TokenFault::WrongIssuer));
    let forged = signer.token(&with(json!({})));
    let raw = RawToken::parse(&forged, LIMIT).unwrap();
    let other = Signer::new(Algorithm::ES256).key();
    assert!(verify_for_anyone(raw, &other, &rules(), NOW).is_err());
}

#[test]
fn of_an_expired_token_all_but_its_expiry_is_judged() {
    let signer = Signer::new(Algorithm::EdDSA);
    let judge = |key: &Signer, changes: Value| {
        let token = signer.token(&with(changes));
        verify_expired(RawToken::parse(&token, LIMIT)?, &key.key(), &rules(), NOW).map(drop)
    };
    let past = NOW.seconds() - 1_000_000;
    let expired = |more: Value| {
        let mut changes = json!({ "exp": past, "iat": past - 60 });
        changes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        changes
    };
    assert_eq!(judge(&signer, expired(json!({}))), Ok(()));
    assert_eq!(judge(&signer, json!({})), Ok(()), "it need not have expired");
    assert_eq!(judge(&signer, expired(json!({ "aud": "another" }))), Err(TokenFault::WrongAudience));
    assert_eq!(judge(&signer, expired(json!({ "nbf": past + 1000 }))), Err(TokenFault::NotYetValid));
    assert_eq!(judge(&signer, json!({ "iat": NOW.seconds() + 1000 })), Err(TokenFault::IssuedInFuture));
    assert!(judge(&Signer::new(Algorithm::EdDSA), expired(json!({}))).is_err(), "badly signed");
}

#[test]
fn a_member_of_the_header_is_found_by_its_name() {
    let signer = Signer::new(Algorithm::EdDSA);
    let token = signer.token_of(r#"{"alg":"EdDSA","x5t":"a","\u0078":["b"]}"#, &good().to_string());
    let raw = RawToken::parse(&token, LIMIT).unwrap();
    let members = ["x5t", "x", "kid"].map(|name| raw.header_member(name));
    assert_eq!(members, [Some(json!("a")), Some(json!(["b"])), None]);
}

#[test]
fn jsonwebtoken_cve_2026_25537_times_of_a_wrong_type_are_faults_and_never_absent() {
    let faults = [("exp", TokenFault::BadExpiry), ("nbf", TokenFault::BadNotBefore), ("iat", TokenFault::BadIssuedAt)];
    for (name, fault) in faults {
        for value in wrong_types().into_iter().chain([json!("9999999999"), json!(""), json!("1700000300")]) {
            assert_eq!(fault_of(&with(json!({name: value})), &rules()), Some(fault), "{name}: {value}");
        }
    }
}

#[test]
fn jwt_simple_audit_006_times_out_of_range_are_faults_and_never_wrap() {
    let out_of_range = [
        json!(-1),
        json!(i64::MIN),
        json!(1e300),
        json!(-1e300),
        json!((1u64 << 53) + 1),
        json!(u64::MAX),
        json!(-0.5),
        json!(1.9e16),
    ];
    for value in out_of_range {
        assert_eq!(fault_of(&with(json!({"exp": value})), &rules()), Some(TokenFault::BadExpiry), "{value}");
        assert_eq!(fault_of(&with(json!({"nbf": value})), &rules()), Some(TokenFault::BadNotBefore), "{value}");
    }
    let signer = Signer::new(Algorithm::EdDSA);
    let infinite = format!(r#"{{"iss":"{ISSUER}","aud":"gateway","exp":1e400}}"#);
    assert_eq!(check(&signer, &signer.token_of(r#"{"alg":"EdDSA"}"#, &infinite), &rules()).err(), Some(TokenFault::BadClaims));
    assert_eq!(fault_of(&with(json!({"exp": 1u64 << 53})), &rules()), None);
    assert_eq!(fault_of(&with(json!({"exp": 9_007_199_254_740_992.0})), &rules()), None);
}

#[test]
fn zitadel_cve_2026_55669_each_required_claim_is_required() {
    assert_eq!(fault_of(&with(json!({"exp": "-"})), &rules()), Some(TokenFault::BadExpiry));
    assert_eq!(fault_of(&with(json!({"aud": "-"})), &rules()), Some(TokenFault::BadAudience));
    assert_eq!(fault_of(&with(json!({"iss": "-"})), &rules()), Some(TokenFault::BadIssuer));
    assert_eq!(fault_of(&with(json!({"sub": "-", "iat": "-", "jti": "-"})), &rules()), None);
}

#[test]
fn jwt_go_cve_2020_26160_aud_is_a_string_or_an_array_of_strings_and_nothing_else() {
    let wrong = [
        json!(null),
        json!(5),
        json!(true),
        json!({}),
        json!([1]),
        json!(["gateway", 1]),
        json!([["gateway"]]),
        json!({"gateway": 1}),
    ];
    for aud in wrong {
        assert_eq!(fault_of(&with(json!({"aud": aud})), &rules()), Some(TokenFault::BadAudience), "{aud}");
    }
    for aud in [
        json!(""),
        json!([]),
        json!([""]),
        json!("other"),
        json!("Gateway"),
        json!("gateway "),
        json!("gateway,second"),
        json!(["other"]),
    ] {
        assert_eq!(fault_of(&with(json!({"aud": aud})), &rules()), Some(TokenFault::WrongAudience), "{aud}");
    }
    for aud in [json!("gateway"), json!("second"), json!(["gateway"]), json!(["other", "second"])] {
        assert_eq!(fault_of(&with(json!({"aud": aud})), &rules()), None, "{aud}");
    }
}

#[test]
fn iss_is_compared_byte_for_byte() {
    let others = [
        "https://issuer.example/",
        "https://ISSUER.example",
        "https://issuer.example:443",
        "http://issuer.example",
        "",
        "https://issuer.exampl",
    ];
    for issuer in others {
        assert_eq!(fault_of(&with(json!({"iss": issuer})), &rules()), Some(TokenFault::WrongIssuer), "{issuer}");
    }
}

#[test]
fn sub_and_jti_are_strings_if_they_are_there() {
    for value in wrong_types().into_iter().chain([json!(1)]) {
        assert_eq!(fault_of(&with(json!({"sub": value})), &rules()), Some(TokenFault::BadSubject), "{value}");
        assert_eq!(fault_of(&with(json!({"jti": value})), &rules()), Some(TokenFault::BadTokenId), "{value}");
    }
}

#[test]
fn golang_jwt_cve_2024_51744_an_expired_and_badly_signed_token_reports_the_signature() {
    let (owner, forger) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
    for claims in [with(json!({"exp": 1})), with(json!({"exp": "x"})), with(json!({"aud": 1})), with(json!({"iss": "other"}))] {
        assert_eq!(check(&owner, &forger.token(&claims), &rules()).err(), Some(TokenFault::BadSignature), "{claims}");
    }
    let wrong_type = forger.token_of(r#"{"alg":"ES256","typ":"dpop+jwt"}"#, &good().to_string());
    assert_eq!(check(&owner, &wrong_type, &rules()).err(), Some(TokenFault::BadSignature));
}

#[test]
fn leeway_is_exact_applied_once_and_never_over_a_minute() {
    let now = NOW.seconds();
    let fault =
        |changes: Value, seconds| fault_of(&with(changes), &ClaimRules { leeway: Duration::from_secs(seconds), ..rules() });
    assert_eq!(fault(json!({"exp": now - 9}), 10), None);
    assert_eq!(fault(json!({"exp": now - 10}), 10), Some(TokenFault::Expired));
    assert_eq!(fault(json!({"exp": now}), 0), Some(TokenFault::Expired));
    assert_eq!(fault(json!({"exp": now + 1}), 0), None);
    assert_eq!(fault(json!({"exp": now as f64 + 0.9}), 0), Some(TokenFault::Expired));
    assert_eq!(fault(json!({"exp": now - 59}), 86_400), None);
    assert_eq!(fault(json!({"exp": now - 60}), 86_400), Some(TokenFault::Expired));
    assert_eq!(fault(json!({"nbf": now + 10}), 10), None);
    assert_eq!(fault(json!({"nbf": now + 11}), 10), Some(TokenFault::NotYetValid));
    assert_eq!(fault(json!({"iat": now + 10}), 10), None);
    assert_eq!(fault(json!({"iat": now + 11}), 10), Some(TokenFault::IssuedInFuture));
    assert_eq!(fault(json!({"iat": now + 61}), 86_400), Some(TokenFault::IssuedInFuture));
}

#[test]
fn tokens_that_live_too_long_are_refused() {
    let now = NOW.seconds();
    let hour = ClaimRules { max_lifetime: Some(Duration::from_secs(3600)), ..rules() };
    assert_eq!(fault_of(&with(json!({"iat": now, "exp": now + 3600})), &hour), None);
    assert_eq!(fault_of(&with(json!({"iat": now, "exp": now + 3601})), &hour), Some(TokenFault::LifetimeTooLong));
    assert_eq!(fault_of(&with(json!({"iat": now - 3600, "exp": now + 60})), &hour), Some(TokenFault::LifetimeTooLong));
    assert_eq!(fault_of(&with(json!({"iat": "-", "exp": now + 3600})), &hour), None);
    assert_eq!(fault_of(&with(json!({"iat": "-", "exp": now + 3601})), &hour), Some(TokenFault::LifetimeTooLong));
    assert_eq!(fault_of(&with(json!({"exp": 1u64 << 53})), &hour), Some(TokenFault::LifetimeTooLong));
}

#[test]
fn pomerium_cve_2024_47616_one_kind_of_token_is_not_another() {
    let signer = Signer::new(Algorithm::EdDSA);
    let fault = |typ: &str, rules: &ClaimRules| {
        check(&signer, &signer.token_of(&format!(r#"{{"alg":"EdDSA"{typ}}}"#), &good().to_string()), rules).err()
    };
    let strict = ClaimRules { types: vec!["at+jwt".into()], require_type: true, ..rules() };
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/at+JWT"] {
        assert_eq!(fault(&format!(r#","typ":"{typ}""#), &rules()), None, "{typ}");
    }
    for typ in [
        "dpop+jwt",
        "logout+jwt",
        "vend+jwt",
        "tollgate-assertion+jwt",
        "",
        "at+jwt ",
        "application/",
        "xapplication/at+jwt",
        "é",
    ] {
        assert_eq!(fault(&format!(r#","typ":"{typ}""#), &rules()), Some(TokenFault::WrongType), "{typ}");
    }
    for typ in [r#","typ":1"#, r#","typ":null"#, r#","typ":["JWT"]"#] {
        assert_eq!(fault(typ, &rules()), Some(TokenFault::WrongType), "{typ}");
    }
    assert_eq!(fault("", &rules()), None);
    assert_eq!(fault("", &strict), Some(TokenFault::WrongType));
    assert_eq!(fault(r#","typ":"JWT""#, &strict), Some(TokenFault::WrongType));
    assert_eq!(fault(r#","typ":"application/at+jwt""#, &strict), None);
    let prefixed = ClaimRules { types: vec!["application/at+jwt".into()], ..strict };
    assert_eq!(fault(r#","typ":"at+jwt""#, &prefixed), None);
}

#[test]
fn another_issuers_key_never_verifies_this_issuers_token_even_under_the_same_kid() {
    let (ours, theirs) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
    assert_eq!(check(&ours, &theirs.token(&good()), &rules()).err(), Some(TokenFault::BadSignature));
}

#[test]
fn nothing_overflows_at_the_ends_of_time() {
    let signer = Signer::new(Algorithm::EdDSA);
    for now in [Timestamp::from_millis(0), Timestamp::from_millis(u64::MAX)] {
        let token = signer.token(&with(json!({"exp": 1u64 << 53, "nbf": 0, "iat": 0})));
        let raw = RawToken::parse(&token, LIMIT).unwrap();
        let rules = ClaimRules { max_lifetime: Some(Duration::MAX), leeway: Duration::MAX, ..rules() };
        assert_eq!(verify(raw, &signer.key(), &rules, now).is_ok(), now.millis() == 0);
    }
}
