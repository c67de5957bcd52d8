//! Request-targets: what is judged, and how others read it.

use std::sync::LazyLock;

use http::Method;
use tollgate::route::{HostPattern, PathPrefix, RouteTable};

use crate::Target;

/// Whatever the table lets through, a server that decodes, merges or folds it finds the same route in it.
pub const TARGET: Target = Target {
    name: "request_target",
    run: |data| {
        let Ok(target) = std::str::from_utf8(data) else { return };
        let Ok(judged) = TABLE.resolve("a.example", target, &Method::GET) else { return };
        assert!(target.bytes().all(|b| (0x21..0x7f).contains(&b)), "no control and no byte outside ASCII passes");
        let path = target.split('?').next().unwrap_or_default();
        for reading in readings(path) {
            assert!(!reading.split('/').any(|part| part == "." || part == ".."), "`{reading}` of `{target}` climbs");
            assert_eq!(TABLE.find("a.example", &reading, &Method::GET), judged, "`{reading}` of `{target}` is another route's");
        }
    },
    seeds: &[
        b"/admin/x",
        b"/Admin",
        b"/admin%2fx",
        b"/admin;a=b/x",
        b"/a%61dmin",
        b"//admin",
        b"/open/../admin",
        b"/open/%2e%2e/admin",
        b"/open\\..\\admin",
        b"/%2561dmin",
        b"/files/a%2Fb?x=%2f..",
        b"/admin.",
        b"/admin%20",
        b"/open/%c0%af",
        b"/",
    ],
    dictionary: &[
        b"admin", b"open", b"files", b"/", b"//", b"..", b".", b"%2e", b"%2E", b"%2f", b"%5c", b"\\", b";", b";x=", b"%25",
        b"%2561", b"%252e", b"%00", b"%20", b"?", b"%3f", b"#", b"%23", b"%c0%af", b"%u002e", b"ADMIN",
    ],
};

static TABLE: LazyLock<RouteTable<&'static str>> = LazyLock::new(|| {
    let entry = |path: &str, name| (HostPattern::Any, PathPrefix::parse(path).expect("a plain path"), None, false, name);
    RouteTable::build(vec![entry("/", "root"), entry("/admin", "admin"), entry("/open", "open"), entry("/open/admin", "inner")])
});

/// How some servers read a path; each reading is one combination of the habits that product documentation lists.
fn readings(path: &str) -> Vec<String> {
    let mut all = vec![path.to_owned()];
    let habits: [fn(&str) -> String; 6] = [decoded, backslashes, merged, cut_parameters, folded, cut_ends];
    for _ in 0..2 {
        for habit in habits {
            let read: Vec<String> = all.iter().map(|reading| habit(reading)).collect();
            all.extend(read);
            all.sort();
            all.dedup();
        }
    }
    all
}

fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match code.filter(|_| bytes[at] == b'%') {
            Some(byte) => (out.push(byte), at += 3).1,
            None => (out.push(bytes[at]), at += 1).1,
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn backslashes(path: &str) -> String {
    path.replace('\\', "/")
}

fn merged(path: &str) -> String {
    let mut out = String::new();
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    out
}

fn cut_parameters(path: &str) -> String {
    path.split('/').map(|part| part.split(';').next().unwrap_or_default()).collect::<Vec<_>>().join("/")
}

fn folded(path: &str) -> String {
    path.to_ascii_lowercase()
}

fn cut_ends(path: &str) -> String {
    let cut =
        |part: &str| if matches!(part, "." | "..") { part.to_owned() } else { part.trim_end_matches(['.', ' ']).to_owned() };
    path.split('/').map(cut).collect::<Vec<_>>().join("/")
}
