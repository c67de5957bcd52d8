//! Token checks: what chose the wrong verifier, believed a claim of the wrong type, or remembered too much.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{
    Algorithm, Backend, Connection, Gateway, MockIssuer, NOW, Serves, Signer, Site, configuration, exchange, request, route,
};

const PLACES: &str = "token_from = [\"header\", \"cookie\", \"query\"]";

/// Routes that take a token wherever it may be, from anyone or from administrators.
fn site() -> Site {
    let routes = [
        route("private", "/", ""),
        route("places", "/places", PLACES),
        route("optional", "/optional", &format!("anonymous = \"optional\"\n{PLACES}")),
        route("admin", "/admin", "require = { roles = [\"admin\"] }"),
    ];
    Site::start(&routes.concat())
}

/// Fails where `token` is accepted anywhere: in each place of each route that takes tokens.
#[track_caller]
fn refused_everywhere(site: &Site, token: &str, about: &str) {
    for line in ["GET /", "GET /places", "GET /optional"] {
        site.refused(&site.send_as(token, line, &[]), 401, "invalid_token", &format!("{about}: {line}"));
    }
    let cookie = format!("access_token={token}");
    site.refused(&site.send("GET /places", &[("Cookie", &cookie)]), 401, "invalid_token", &format!("{about}: cookie"));
    let nobody = site.received(&site.send("GET /optional", &[("Cookie", &cookie), ("X-Forwarded-User", "mallory")]));
    assert_eq!(nobody.aliases("x-forwarded-user"), [], "{about}: a bad cookie is nobody");
    let answer = site.send(&format!("GET /places?access_token={token}"), &[]);
    site.refused(&answer, 401, "invalid_token", &format!("{about}: query"));
}

/// Fails where the token is accepted or refused for another reason than `detail`.
#[track_caller]
fn refused_as(site: &Site, token: &str, detail: &str, about: &str) {
    let answer = site.send_as(token, "GET /", &[]);
    site.refused(&answer, 401, "invalid_token", about);
    assert_eq!(site.access_line(&answer)["detail"], detail, "{about}");
}

/// The usual claims as text, with `name` said as exactly this JSON.
fn claims_text(site: &Site, name: &str, json: &str) -> String {
    let mut claims = site.claims_with(json!({}));
    claims.as_object_mut().unwrap().remove(name);
    let rest = claims.to_string();
    format!("{{\"{name}\":{json},{}", &rest[1..])
}

fn es256(claims: &str, site: &Site) -> String {
    site.key.token_of(r#"{"alg":"ES256","kid":"k1","typ":"JWT"}"#, claims)
}

fn hs256(secret: &[u8], key_id: &str, claims: &Value) -> String {
    let header = json!({ "alg": "HS256", "kid": key_id, "typ": "JWT" }).to_string();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

#[test]
fn apisix_cve_2026_39999_keycloak_cve_2026_11800_jwt_simple_a_header_chooses_no_verifier() {
    let (ec, rsa) = (Signer::new("k1"), Signer::with("r1", Algorithm::RS256));
    let issuer = MockIssuer::start("corp", &[&ec, &rsa]);
    let backend = Backend::start();
    let gateway = Gateway::start(&configuration(&[&issuer], &[&backend], &route("private", "/", "")));
    let claims = Signer::claims(&issuer.issuer(), "alice");
    assert_eq!(gateway.get("/", &rsa.token(&claims)).status, 200);
    backend.forget();

    let jwk = rsa.jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let pem = rsa.public_pem();
    let secrets = [pem.trim_end().as_bytes(), pem.as_bytes(), &rsa.public_der(), jwk.to_string().as_bytes(), &modulus, b""]
        .map(<[u8]>::to_vec);
    let mut forged: Vec<String> = secrets.iter().map(|secret| hs256(secret, "r1", &claims)).collect();
    for algorithm in ["none", "None", "nOnE", "NONE", "", "HS256", "RS384", "PS256", "ES384", "rs256", "RS256 "] {
        let header = json!({ "alg": algorithm, "kid": "r1", "typ": "JWT" }).to_string();
        let token = rsa.token_of(&header, &claims.to_string());
        forged.push(format!("{}.", token.rsplit_once('.').unwrap().0));
        forged.push(token);
    }
    // The right algorithm of the wrong key.
    forged.push(ec.token_of(r#"{"alg":"RS256","kid":"k1"}"#, &claims.to_string()));
    forged.push(ec.token_of(r#"{"alg":"ES256","kid":"r1"}"#, &claims.to_string()));
    forged.push(rsa.token_of(r#"{"alg":"ES256","kid":"k1"}"#, &claims.to_string()));
    for token in forged {
        let answer = gateway.get("/", &token);
        assert_eq!((answer.status, answer.reason().as_str()), (401, "invalid_token"), "{token}");
    }
    assert!(backend.received().is_empty());
}

#[test]
fn jsonwebtoken_cve_2026_25537_jwt_simple_audit_006_an_instant_of_the_wrong_type_is_no_absent_instant() {
    let site = site();
    let wrong = [
        "\"9999999999\"",
        "true",
        "[]",
        "[9999999999]",
        "{}",
        "null",
        "1e400",
        "1e300",
        "-1",
        "-9223372036854775808",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "-0.5",
        "NaN",
        "Infinity",
        "\"\"",
    ];
    for (claim, value) in ["exp", "nbf", "iat"].into_iter().flat_map(|claim| wrong.map(|value| (claim, value))) {
        let answer = site.send_as(&es256(&claims_text(&site, claim, value), &site), "GET /", &[]);
        site.refused(&answer, 401, "invalid_token", &format!("{claim}: {value}"));
    }
    for value in ["0", "1", "1.5", "1799999970", "1e9"] {
        refused_as(&site, &es256(&claims_text(&site, "exp", value), &site), "expired", value);
    }
    for value in ["1800003600", "1800003600.5", "1.8000036e9", "9007199254740992"] {
        let answer = site.send_as(&es256(&claims_text(&site, "exp", value), &site), "GET /", &[]);
        assert_eq!(answer.status, 200, "{value}");
    }
}

#[test]
fn jwt_go_cve_2020_26160_an_audience_of_the_wrong_type_is_no_audience() {
    let site = site();
    let wrong = [
        "[]",
        "[1]",
        "[[\"gateway\"]]",
        "[\"gateway\",1]",
        "{}",
        "{\"gateway\":1}",
        "null",
        "true",
        "0",
        "[null]",
        "[\"gateway\",[]]",
    ];
    for value in wrong.iter().filter(|value| **value != "[]") {
        refused_as(&site, &es256(&claims_text(&site, "aud", value), &site), "bad_audience", value);
    }
    for value in ["[]", "\"\"", "[\"\"]", "\"gateway \"", "\"Gateway\"", "[\"other\"]", "\"gateway,other\"", "\"gate\""] {
        refused_as(&site, &es256(&claims_text(&site, "aud", value), &site), "wrong_audience", value);
    }
    for value in ["\"gateway\"", "[\"gateway\"]", "[\"other\",\"gateway\"]"] {
        assert_eq!(site.send_as(&es256(&claims_text(&site, "aud", value), &site), "GET /", &[]).status, 200, "{value}");
    }
}

#[test]
fn zitadel_cve_2026_55669_ghsa_wxg7_mod_auth_openidc_ghsa_wcvh_no_place_takes_a_token_without_its_claims() {
    let site = site();
    for claim in ["iss", "aud", "exp"] {
        let mut claims = site.claims_with(json!({}));
        claims.as_object_mut().unwrap().remove(claim);
        refused_everywhere(&site, &site.key.token(&claims), &format!("without {claim}"));
    }
    refused_everywhere(&site, &site.token_with(json!({ "aud": "other" })), "for another service");
    refused_everywhere(&site, &site.token_with(json!({ "exp": NOW.seconds() - 3600 })), "expired");
    refused_everywhere(
        &site,
        &site.token_with(json!({ "iat": NOW.seconds() + 3600, "exp": NOW.seconds() + 7200 })),
        "from the future",
    );
}

#[test]
fn envoy_cve_2021_21378_cve_2022_29226_a_token_of_nobody_known_is_no_identity() {
    let site = site();
    let stranger = Signer::new("k1");
    refused_everywhere(&site, &site.token_with(json!({ "iss": "https://evil.example" })), "unknown issuer");
    refused_everywhere(&site, &stranger.token(&Signer::claims("https://evil.example", "alice")), "unknown issuer and key");
    refused_everywhere(&site, &stranger.token(&Signer::claims(&site.issuer.issuer(), "alice")), "a stranger's key");
    refused_everywhere(&site, "0123456789abcdef0123456789abcdef", "opaque");
    for issuer in ["https://corp.example/", "https://CORP.example", "https://corp.example:443", "corp", ""] {
        refused_everywhere(&site, &site.token_with(json!({ "iss": issuer })), issuer);
    }
    refused_everywhere(&site, &site.token_with(json!({ "iss": [site.issuer.issuer()] })), "a list");
}

#[test]
fn envoy_12089_kong_9946_of_two_tokens_none_is_chosen_for_the_backend_to_choose_the_other() {
    let site = site();
    let (good, bad) = (site.token("alice"), "e30.e30.e30");
    let query = format!("GET /places?access_token={good}&x=1");
    site.refused(&site.send_as(bad, &query, &[]), 401, "invalid_token", "good in the query, bad in the header");
    let received = site.received(&site.send_as(&good, &format!("GET /places?a=1&access_token={bad}&b=2"), &[]));
    assert_eq!((received.target(), received.header("authorization")), ("/places?a=1&b=2", None));

    let bearer = |token: &str| format!("Bearer {token}");
    let several: [&[&str]; 8] = [
        &[&bearer(&good), &bearer(bad)],
        &[&bearer(&good), &bearer(&good)],
        &[&bearer(&good), "Basic eDp5"],
        &[&format!("Bearer {good}, Bearer {bad}")],
        &[&format!("Bearer {good},{good}")],
        &[&format!("Basic eDp5, Bearer {good}")],
        &[&format!("JWT {good}, Basic eDp5")],
        &["Basic eDp5", "Basic eDp5"],
    ];
    for lines in several {
        for path in ["/", "/places", "/optional"] {
            let headers: Vec<(&str, &str)> = lines.iter().map(|line| ("Authorization", *line)).collect();
            let answer = site.send(&format!("GET {path}"), &headers);
            site.refused(&answer, 400, "ambiguous_credentials", &format!("{path} {lines:?}"));
        }
    }
    for pair in [format!("access_token={good}&access_token={bad}"), format!("access%5Ftoken={good}&access_token={good}")] {
        site.refused(&site.send(&format!("GET /places?{pair}"), &[]), 400, "ambiguous_credentials", &pair);
    }
}

#[test]
fn authlib_cve_2025_59420_an_extension_that_is_not_understood_is_refused() {
    let site = site();
    let claims = site.claims_with(json!({})).to_string();
    for member in ["\"crit\":[\"x\"],\"x\":1", "\"crit\":[]", "\"crit\":null", "\"b64\":false", "\"crit\":[\"b64\"],\"b64\":true"]
    {
        let token = site.key.token_of(&format!("{{\"alg\":\"ES256\",\"kid\":\"k1\",{member}}}"), &claims);
        refused_as(&site, &token, "critical_header", member);
    }
}

#[test]
fn golang_jwt_cve_2024_51744_the_signature_is_judged_before_any_claim() {
    let site = site();
    let expired = json!({ "iss": site.issuer.issuer(), "aud": "other", "exp": 1 });
    let token = Signer::new("k1").token(&expired);
    refused_as(&site, &token, "bad_signature", "expired, for somebody else, and badly signed");
}

#[test]
fn go_jose_cve_2025_27144_golang_jwt_cve_2025_30204_dots_cost_nothing() {
    let site = site();
    refused_as(&site, &".".repeat(16_384), "not_compact", "as many dots as a token has bytes");
    refused_as(&site, &".".repeat(16_385), "token_too_large", "more");
    refused_as(&site, &"x".repeat(60_000), "token_too_large", "before any decoding");
    let answer = site.send_as(&".".repeat(1 << 20), "GET /", &[]);
    assert!(matches!(answer.status, 401 | 431), "{}", answer.status);
}

#[test]
fn go_jose_cve_2026_34986_jwx_cve_2024_21664_apisix_13518_what_is_malformed_is_refused_and_nothing_else_happens() {
    let site = site();
    let (header, deep) = (r#"{"alg":"ES256","kid":"k1"}"#, format!("{{\"a\":{}", "[".repeat(5000)));
    let signed = |header: &str, claims: &str| site.key.token_of(header, claims);
    let good = site.token("alice");
    let tokens = [
        String::from("."),
        "..".into(),
        "...".into(),
        "e30.e30".into(),
        "e30..".into(),
        ".e30.".into(),
        "null.null.null".into(),
        signed("[]", "{}"),
        signed("null", "null"),
        signed(header, ""),
        signed(header, "[]"),
        signed(header, "1"),
        signed(header, "{}"),
        signed(header, &deep),
        signed(&deep, "{}"),
        signed(header, "{\"iss\":\"a\",\"iss\":\"b\"}"),
        signed("\u{feff}{}", "{}"),
        signed(r#"{"alg":"ES256","kid":1}"#, "{}"),
        signed(r#"{"alg":["ES256"]}"#, "{}"),
        format!("{good}="),
        format!("{good}."),
        format!("{good}.{good}"),
        good.replace('.', ".."),
        good.replace('-', "+").replace('_', "/") + "/",
        format!("\"{good}\""),
        format!("{{\"payload\":\"{good}\"}}"),
        good.replacen('e', "é", 1),
    ];
    for token in &tokens {
        let answer = site.send_as(token, "GET /", &[]);
        site.refused(&answer, 401, "invalid_token", token);
    }
    for credential in ["Bearer", "Bearer ", "bearer", "JWT", "Bearer a b", "Bearer \t"] {
        site.refused(&site.send("GET /", &[("Authorization", credential)]), 401, "invalid_token", credential);
    }
    for query in ["?&", "access_token", "access_token=", "access_token=%", "&&access_token=%00", "%61ccess_token=."] {
        let answer = site.send(&format!("GET /places?{query}"), &[]);
        assert_eq!(answer.status, 401, "{query}");
    }
    assert_eq!(site.send_as(&good, "GET /", &[]).status, 200);
}

#[test]
fn jwx_cve_2023_49290_cve_2024_28122_go_jose_ghsa_2c7c_an_encrypted_token_is_refused_unopened() {
    let site = site();
    let header = r#"{"alg":"PBES2-HS256+A128KW","enc":"A128CBC-HS256","p2c":2147483647,"p2s":"AAAA","zip":"DEF"}"#;
    let encrypted = format!("{}.AAAA.AAAA.AAAA.AAAA", URL_SAFE_NO_PAD.encode(header));
    refused_as(&site, &encrypted, "encrypted", "five parts");
    refused_as(&site, &format!("{}.AAAA.AAAA", URL_SAFE_NO_PAD.encode(header)), "unknown_algorithm", "in three parts");
}

#[test]
fn apisix_cve_2026_49230_zitadel_cve_2026_27840_no_changed_or_shortened_token_is_good() {
    let site = site();
    let good = site.token("alice");
    let mut connection = Connection::open(site.gateway.plain());
    let mut ask = |token: &str| connection.exchange(request("GET /", &[("Authorization", &format!("Bearer {token}"))])).status;
    assert_eq!(ask(&good), 200);
    for at in 0..good.len() {
        let other = if good.as_bytes()[at] == b'A' { "Q" } else { "A" };
        let changed = format!("{}{other}{}", &good[..at], &good[at + 1..]);
        assert_eq!(ask(&changed), 401, "{changed}");
        assert_eq!(ask(&good[..at]), 401, "the first {at} characters");
    }
    assert_eq!(ask(&format!("{good}A")), 401);
    assert_eq!(site.backend.received().len(), 1);
}

#[test]
fn pomerium_cve_2024_47616_one_kind_of_token_is_not_another() {
    let site = site();
    let claims = site.claims_with(json!({})).to_string();
    let kinds = [
        "logout+jwt",
        "dpop+jwt",
        "vend+jwt",
        "tollgate-assertion+jwt",
        "id_token+jwt",
        "secevent+jwt",
        "refresh+jwt",
        "",
        "JOSE",
    ];
    for kind in kinds {
        let header = json!({ "alg": "ES256", "kid": "k1", "typ": kind }).to_string();
        refused_as(&site, &site.key.token_of(&header, &claims), "wrong_type", kind);
    }
    for kind in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        let header = json!({ "alg": "ES256", "kid": "k1", "typ": kind }).to_string();
        assert_eq!(site.send_as(&site.key.token_of(&header, &claims), "GET /", &[]).status, 200, "{kind}");
    }
}

#[test]
fn oathkeeper_ghsa_qvp4_cve_2021_32701_a_remembered_token_is_judged_by_each_route() {
    let site = site();
    let (user, admin) = (site.token_with(json!({ "roles": ["user"] })), site.token_with(json!({ "roles": ["admin"] })));
    for _ in 0..3 {
        assert_eq!(site.send_as(&user, "GET /", &[]).status, 200);
        site.refused(&site.send_as(&user, "GET /admin", &[]), 403, "policy_denied", "remembered");
        assert_eq!(site.send_as(&admin, "GET /admin", &[]).status, 200);
    }
    assert!(site.gateway.metric("tollgate_token_cache_hits_total", &[]) >= 6.0);
    let stricter = route("private", "/", "require = { roles = [\"admin\"] }");
    site.gateway.reload(&configuration(&[&site.issuer], &[&site.backend], &stricter)).unwrap();
    site.refused(&site.send_as(&user, "GET /", &[]), 403, "policy_denied", "remembered, and the rule is new");
}

#[test]
fn oathkeeper_cve_2026_33496_a_remembered_token_is_good_for_its_issuers_routes_alone() {
    let keys = [Signer::new("k1"), Signer::new("k1")];
    let issuers = [MockIssuer::start("corp", &[&keys[0]]), MockIssuer::start("partner", &[&keys[1]])];
    let backend = Backend::start();
    let routes =
        [route("corp", "/corp", "issuers = [\"corp\"]"), route("partner", "/partner", "issuers = [\"partner\"]")].concat();
    let text = configuration(&[&issuers[0], &issuers[1]], &[&backend], &routes);
    let gateway = Gateway::start(&text);
    let tokens = [0, 1].map(|index| keys[index].token(&Signer::claims(&issuers[index].issuer(), "alice")));
    for _ in 0..2 {
        let statuses = ["/corp", "/partner"].map(|path| [0, 1].map(|index| gateway.get(path, &tokens[index]).status));
        assert_eq!(statuses, [[200, 401], [401, 200]]);
    }
    // The other issuer's key of the same id, and settings that changed under a remembered token.
    let crossed = keys[1].token(&Signer::claims(&issuers[0].issuer(), "alice"));
    assert_eq!(gateway.get("/corp", &crossed).status, 401);
    gateway.reload(&text.replacen("[\"gateway\"]", "[\"other\"]", 1)).unwrap();
    assert_eq!(gateway.get("/corp", &tokens[0]).status, 401);
    assert_eq!(gateway.get("/partner", &tokens[1]).status, 200);
}

#[test]
fn traefik_cve_2026_71326_callers_who_wait_together_are_told_apart() {
    let key = Signer::new("k1");
    let issuer = MockIssuer::start("corp", &[]);
    let backend = Backend::start();
    issuer.now(Serves::Slowly(Duration::from_millis(200), vec![key.jwk()]));
    let gateway = Gateway::start_cold(&configuration(&[&issuer], &[&backend], &route("private", "/", "")));
    let names = ["alice", "bob", "carol", "dave"];
    std::thread::scope(|scope| {
        for name in names {
            let (token, address) = (key.token(&Signer::claims(&issuer.issuer(), name)), gateway.plain());
            scope.spawn(move || {
                let headers = [("Authorization", format!("Bearer {token}"))];
                let answer = exchange(address, request(&format!("GET /{name}"), &[("Authorization", headers[0].1.as_str())]));
                assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            });
        }
    });
    assert_eq!(backend.received().len(), names.len());
    for received in backend.received() {
        assert_eq!(received.header("x-forwarded-user"), received.target().strip_prefix('/'));
    }
}

#[test]
fn pomerium_cve_2021_41230_policy_goes_by_the_token_at_hand_not_by_an_earlier_one() {
    let site = site();
    let at = |roles: &[&str], second: u64| site.token_with(json!({ "roles": roles, "iat": NOW.seconds() - second }));
    assert_eq!(site.send_as(&at(&["admin"], 3), "GET /admin", &[]).status, 200);
    site.refused(&site.send_as(&at(&["user"], 2), "GET /admin", &[]), 403, "policy_denied", "the role is gone");
    assert_eq!(site.send_as(&at(&["admin"], 1), "GET /admin", &[]).status, 200);
}

#[test]
fn oauth2_proxy_cve_2026_40574_a_claim_is_compared_whole() {
    let site =
        Site::start(&route("corp", "/", "require = { claims = { \"/email\" = \"a@corp.com\", \"/domain\" = \"corp.com\" } }"));
    assert_eq!(site.send_as(&site.token_with(json!({ "email": "a@corp.com", "domain": "corp.com" })), "GET /", &[]).status, 200);
    let emails =
        ["a@evil.com@corp.com", "a@corp.com.", "\"a@corp.com\"", "A@corp.com", "a@corp.com ", "a@corp.com\u{200b}", "а@corp.com"];
    for email in emails {
        let token = site.token_with(json!({ "email": email, "domain": "corp.com" }));
        site.refused(&site.send_as(&token, "GET /", &[]), 403, "policy_denied", email);
    }
    for domain in [json!("corp.com.evil"), json!("xcorp.com"), json!({ "0": "corp.com" }), json!(null), json!("corp.com@")] {
        let token = site.token_with(json!({ "email": "a@corp.com", "domain": domain }));
        site.refused(&site.send_as(&token, "GET /", &[]), 403, "policy_denied", &domain.to_string());
    }
}

#[test]
fn heimdall_3424_no_token_is_looked_for_in_a_body() {
    let site = site();
    let body = format!("access_token={}", site.token("alice"));
    let kinds = ["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x"];
    for (kind, path) in kinds.into_iter().flat_map(|kind| ["/", "/places"].map(|path| (kind, path))) {
        // The body is announced and never sent: whoever would wait for it does not answer.
        let announced = (body.len() + 1).to_string();
        let headers = [("Content-Type", kind), ("Content-Length", announced.as_str())];
        let answer = exchange(site.gateway.plain(), request(&format!("POST {path}"), &headers) + &body);
        site.refused(&answer, 401, "credential_missing", kind);
    }
}

#[test]
fn istio_cve_2026_41413_a_token_says_nowhere_where_its_key_is() {
    let site = site();
    let own = Signer::new("k1");
    let evil = MockIssuer::start("corp", &[&own]);
    let claims = site.claims_with(json!({})).to_string();
    for member in [
        json!({ "jku": evil.url() }),
        json!({ "x5u": evil.url() }),
        json!({ "jwk": own.jwk() }),
        json!({ "x5c": [STANDARD.encode(own.public_der())] }),
        json!({ "kid": evil.url() }),
        json!({ "kid": "../../k1" }),
        json!({ "kid": "k1' OR '1'='1" }),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" });
        header.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        refused_everywhere(&site, &own.token_of(&header.to_string(), &claims), &header.to_string());
    }
    assert_eq!(evil.fetches(), 0);
}
