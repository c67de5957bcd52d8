//! What must be nowhere in clear: in the store's files, in the log at its most talkative, in a refusal.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use tempfile::TempDir;

use crate::support::authority::*;
use crate::support::{Answer, Process, until};

const WRONG: &str = "a wrong guess that is somebody's password";

/// A run with everything that has a secret in it; gives the secrets, and every answer that was a refusal.
fn run(api: &ApiClient) -> (Vec<String>, Vec<Answer>) {
    let ann = api.user("ann", &[ORDERS, BILLING, LEGACY, KIOSK]);
    let mut secrets: Vec<String> = [PASSWORD, WRONG, LEGACY_SECRET, ALL, SHOWN, LISTS, NONE].map(str::to_owned).into();
    let mut refused = Vec::new();
    let mut tokens = Vec::new();
    for application in [ORDERS, BILLING, LEGACY, KIOSK] {
        let first = api.sign_in("ann", application);
        let renewed = Tokens::of(&api.refresh(&first.refresh));
        tokens.extend([first, renewed]);
    }
    tokens.push(Tokens::of(&api.issue(&tokens[0].access, BILLING, Some(&tokens[0].refresh))));
    let cookies = format!("access_token={}; refresh_token={}", tokens[3].access, tokens[3].refresh);
    tokens.push(Tokens::of(&api.ask("POST /api/jwt/refresh", &[("Cookie", &cookies)], None)));
    tokens.push(Tokens::of(&api.manage("POST /api/jwt/vend", Some(&json!({ "claims": { "sub": ann } })))));
    for key in [ALL, SHOWN, LISTS, NONE] {
        refused.push(api.ask(&format!("GET /api/jwt/refresh?userId={ann}"), &[("Authorization", key)], None));
    }
    // In the query, where logs are wont to have them; in broken bodies; where nothing is expected.
    let token = &tokens[4];
    refused.push(api.manage(&format!("DELETE /api/jwt/refresh?token={}", token.refresh), None));
    refused.push(api.manage(&format!("DELETE /api/jwt/refresh?token={}", token.refresh), None));
    refused.push(api.ask(&format!("POST /api/logout?refreshToken={}", tokens[6].refresh), &[], None));
    refused.push(api.ask(&format!("GET /orders?access_token={}", tokens[0].access), &[], None));
    refused.push(api.refresh(&tokens[0].access));
    refused.push(api.ask_as(&tokens[0].refresh, "GET /api/jwt/validate", None));
    for body in
        [json!({ "refreshToken": [tokens[0].refresh] }), json!({ "password": { PASSWORD: WRONG } }), json!(tokens[0].refresh)]
    {
        refused.push(api.ask("POST /api/jwt/refresh", &[], Some(&body)));
        refused.push(api.manage("POST /api/login", Some(&body)));
        refused.push(api.manage("POST /api/user", Some(&body)));
    }
    refused.push(api.manage("POST /api/login", Some(&login_body("ann", Some(ORDERS), WRONG))));
    refused.push(api.manage("POST /api/login", Some(&login_body("nobody", Some(ORDERS), WRONG))));
    api.revoke(&format!("userId={ann}"));
    refused.push(api.ask_as(&tokens[0].access, "GET /oauth2/userinfo", None));
    for tokens in &tokens {
        // Also alone: a signature, or the claims.
        secrets.extend(tokens.access.split('.').skip(1).map(str::to_owned));
        secrets.extend(Some(tokens.refresh.clone()).filter(|value| !value.is_empty()));
    }
    (secrets, refused)
}

#[test]
fn no_secret_is_in_the_store_the_log_or_a_refusal() {
    let folder = TempDir::new().unwrap();
    let mut process = Process::start(folder.path(), &process_text(folder.path(), "level = \"trace\""));
    let (mut secrets, refused) = run(&ApiClient(process.address));
    assert!(secrets.len() > 30);
    let key = std::fs::read_to_string(folder.path().join("store.key")).unwrap();
    secrets.push(key.trim().to_owned());
    until("the log", || process.output().contains("\"/oauth2/userinfo\""));
    // As a crash leaves them: nothing merged, nothing cut.
    process.kill();
    let output = process.output();
    assert!(output.contains("\"access\"") && output.contains("DEBUG"), "it was to be talkative");
    for secret in &secrets {
        assert!(!output.contains(secret.as_str()), "{secret} is in the log");
        let refusal = refused.iter().find(|answer| answer.status != 200 && answer.text().contains(secret.as_str()));
        assert!(refusal.is_none(), "{secret} is in {refusal:?}");
    }
    let files = ["store.db", "store.db-wal"].map(|name| std::fs::read(folder.path().join(name)).unwrap());
    let has = |secret: &[u8]| files.iter().any(|file| file.windows(secret.len()).any(|window| window == secret));
    assert!(has(b"ann@example.com"), "where it is looked for");
    for secret in &secrets {
        assert!(!has(secret.as_bytes()), "{secret} is in the store");
        // The very bits, in whatever form.
        let bits = URL_SAFE_NO_PAD.decode(secret).unwrap_or_default();
        assert!(bits.len() < 32 || !has(&bits), "the bits of {secret} are in the store");
    }
}
