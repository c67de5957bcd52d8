//! Tokens and key sets: what an attacker and an issuer send.

use std::sync::LazyLock;
use std::time::Duration;

use tollgate::clock::Timestamp;
use tollgate::secret::Secret;
use tollgate::token::{Algorithm, BodySignature, ClaimRules, KeySet, RawToken, inspect, verify};

use crate::Target;

const MAX_BYTES: usize = 8 * 1024;

/// Structure: no bytes bring the parser down, and what it takes is within its limit and inspectable.
pub const PARSE: Target = Target {
    name: "token_parse",
    run: |data| {
        let Ok(text) = std::str::from_utf8(data) else { return };
        let inspected = inspect(text);
        if let Ok(raw) = RawToken::parse(text, MAX_BYTES) {
            assert!(text.len() <= MAX_BYTES, "the limit holds");
            let (header, claims) = inspected.expect("what parses can be inspected");
            assert_eq!(header.get("alg").and_then(|alg| alg.as_str()), Some(raw.header().algorithm.name()));
            assert_eq!(claims.get("iss").and_then(|iss| iss.as_str()), Some(raw.issuer()));
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "compact form has no other byte");
        }
    },
    seeds: &[TOKEN, b"eyJhbGciOiJub25lIn0.eyJpc3MiOiJhIn0.", b"a.b.c.d.e"],
    dictionary: TOKEN_WORDS,
};

/// Claims as JSON under a header: everything between "the signature is good" and "the caller is known" sees only what
/// strict JSON allows. The input is the claims' text; the token around it is made here.
pub const CLAIMS: Target = Target {
    name: "token_claims",
    run: |data| {
        let text = format!("eyJhbGciOiJIUzI1NiJ9.{}.AA", base64url(data));
        if let Ok(raw) = RawToken::parse(&text, 64 * 1024) {
            let json = std::str::from_utf8(data).expect("only UTF-8 is taken");
            assert!(json.trim_start().starts_with('{'), "only objects are taken");
            assert!(verify(raw, key(), &RULES, NOW).is_err(), "no mutation makes a signature");
        }
    },
    seeds: &[
        br#"{"iss":"https://issuer.example","aud":["a"],"sub":"u","exp":2000000000,"nbf":1,"iat":1.5,"jti":"x"}"#,
        br#"{"iss":"a","x":{"y":[1,2,{"z":null}]},"\u0061":"\ud83d\ude00"}"#,
    ],
    dictionary: JSON_WORDS,
};

/// Signatures over bodies: the first line is the JWS, the rest the body. Only the holder of the key signs.
pub const BODY: Target = Target {
    name: "body_signature",
    run: |data| {
        let split = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
        let (text, body) = data.split_at(split);
        let Ok(text) = std::str::from_utf8(text) else { return };
        if let Ok(signature) = BodySignature::parse(text) {
            assert!(text.len() <= 8 * 1024, "the limit holds");
            assert!(signature.verify(key(), body).is_err(), "no mutation makes a signature");
        }
    },
    seeds: &[
        TOKEN,
        b"eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.eyJyZXF1ZXN0X2JvZHlfc2hhMjU2IjoiNDdERVFwajhIQlNhKy9USW1XKzVKQ2V1UWVSa201TkRKT29kaDlXanA0PSJ9.AA\n{}",
    ],
    dictionary: TOKEN_WORDS,
};

/// Key sets: any document either is a set of public keys of allowed algorithms or is refused.
pub const JWKS: Target = Target {
    name: "jwks",
    run: |data| {
        let allowed = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
        if let Ok(loaded) = KeySet::from_jwks(data, &allowed) {
            assert!(!loaded.set.is_empty() && loaded.set.len() <= 100);
            assert!(loaded.set.keys().all(|key| allowed.contains(&key.algorithm())), "no other algorithm, never a secret");
        }
    },
    seeds: &[
        br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}]}"#,
        br#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"1","use":"sig"}]}"#,
        br#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","alg":"RS256"},{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}]}"#,
    ],
    dictionary: &[
        b"\"kty\"", b"\"RSA\"", b"\"EC\"", b"\"OKP\"", b"\"oct\"", b"\"crv\"", b"\"P-256\"", b"\"P-384\"", b"\"Ed25519\"", b"\"alg\"",
        b"\"HS256\"", b"\"use\"", b"\"enc\"", b"\"key_ops\"", b"[\"verify\"]", b"\"x5c\"", b"\"keys\"", b"\"kid\"", b"AQAB", b"AA", b"{", b"}",
        b"[", b"]", b",", b"null",
    ],
};

/// PEM files.
pub const PEM: Target = Target {
    name: "pem",
    run: |data| {
        if let Ok(loaded) = KeySet::from_pems(&[(Some("id"), data)], &Algorithm::ALL) {
            assert_eq!(loaded.set.len(), 1);
            assert!(loaded.set.keys().all(|key| !key.algorithm().is_symmetric()), "a public key is no shared secret");
        }
    },
    seeds: &[
        b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        b"-----BEGIN RSA PUBLIC KEY-----\nMAgCAQECAwEAAQ==\n-----END RSA PUBLIC KEY-----\n",
    ],
    dictionary: &[b"-----BEGIN ", b"-----END ", b"PUBLIC KEY", b"PRIVATE KEY", b"CERTIFICATE", b"-----\n", b"=", b"\r\n"],
};

const TOKEN: &[u8] = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoiYSIsImV4cCI6MjAwMDAwMDAwMH0.c2lnbmF0dXJl";
const TOKEN_WORDS: &[&[u8]] =
    &[b".", b"..", b"=", b"eyJhbGciOiJub25lIn0", b"eyJhbGciOiJSUzI1NiJ9", b"e30", b"W10", b"bnVsbA", b"+", b"/", b"{}"];
const JSON_WORDS: &[&[u8]] = &[
    b"\"iss\":",
    b"\"aud\":",
    b"\"exp\":",
    b"\"nbf\":",
    b"\"sub\":",
    b"\"jti\":",
    b"null",
    b"true",
    b"1e999",
    b"-1",
    b"9007199254740993",
    b"18446744073709551616",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\"\"",
    b"\\u0000",
    b"\\ud800",
    b"[[[[[[[[",
    b"{\"a\":",
    b"\xef\xbb\xbf",
];
const NOW: Timestamp = Timestamp::from_seconds(1_900_000_000);

static RULES: LazyLock<ClaimRules> = LazyLock::new(|| ClaimRules {
    issuer: "https://issuer.example".into(),
    audiences: vec!["a".into()],
    leeway: Duration::from_secs(60),
    max_lifetime: Some(Duration::from_secs(86_400)),
    types: vec!["JWT".into()],
    require_type: false,
});

fn key() -> &'static tollgate::token::Key {
    static KEYS: LazyLock<KeySet> =
        LazyLock::new(|| KeySet::from_secret(&Secret::new(vec![7; 32]), &[Algorithm::HS256]).expect("32 bytes are enough"));
    KEYS.keys().next().expect("a secret is one key")
}

fn base64url(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(data.len() * 4 / 3 + 3);
    for chunk in data.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}
