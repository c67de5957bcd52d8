//! Configurations: whatever the text, the answer is settings or a list of places.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use tollgate::clock::Timestamp;
use tollgate::config::load_at;

use crate::Target;

/// Any text loads or is refused with at least one diagnostic; whatever loads has a listener and a route.
pub const TEXT: Target = Target {
    name: "config",
    run: |data| {
        if fs::write(&*PLACE, data).is_err() {
            return;
        }
        match load_at(&PLACE, [], Timestamp::from_seconds(1_800_000_000)) {
            Ok(settings) => {
                let serves = !settings.routes.is_empty() || settings.authority.is_some();
                assert!(!settings.listeners.is_empty() && serves, "nothing to do is a mistake");
                assert!(settings.authority.is_none() || settings.store.is_some(), "an authority keeps its state somewhere");
                assert!(settings.issuers.iter().all(|issuer| !issuer.audiences.is_empty() && !issuer.algorithms.is_empty()));
            }
            Err(diagnostics) => assert!(!diagnostics.to_string().is_empty(), "a refusal says why"),
        }
    },
    seeds: &[include_bytes!("../../config.example.toml"), MINIMAL],
    dictionary: &[
        b"[[listener]]\n",
        b"[[route]]\n",
        b"[[issuer]]\n",
        b"[[upstream]]\n",
        b"[log]\n",
        b"[store]\n",
        b"[authority]\n",
        b"[[application]]\n",
        b"[[identity_provider]]\n",
        b"[[api_key]]\n",
        b"[admin]\n",
        b"name = ",
        b"path = ",
        b"\"\"",
        b"\"/\"",
        b"= {",
        b"}",
        b"[",
        b"]",
        b"true",
        b"1",
        b"-1",
        b"1e9",
        b"\"30s\"",
        b"\"99999999999999d\"",
        b"\"64KiB\"",
        b"anonymous = ",
        b"require = { any = [",
        b"not = {",
        b"\"\"\"",
        b"'''",
        b"\\u0000",
        b"#",
        b"\n",
        b"\r",
        b".",
        b"2026-01-01T00:00:00Z",
        b"nan",
        b"inf",
        b"\xef\xbb\xbf",
    ],
};

const MINIMAL: &[u8] = br#"
[[listener]]
name = "a"
address = "127.0.0.1:0"
[[upstream]]
name = "u"
servers = ["http://127.0.0.1:1"]
[[route]]
name = "r"
path = "/"
upstream = "u"
anonymous = true
"#;

static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("tollgate-fuzz-{}", std::process::id()));
    let _ = fs::create_dir_all(&folder);
    let file = folder.join("tollgate.toml");
    // Closed to others, or no text with a secret in it would ever load; writing to it keeps the mode.
    let _ = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file);
    file
});
