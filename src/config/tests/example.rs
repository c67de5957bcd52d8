//! `config.example.toml` and `config.remote.example.toml` are accepted, and show every setting.

use crate::config::document::{self, Node};
use crate::config::file::ROOT;
use crate::config::schema::{Key, Kind};
use crate::config::tests::{Bench, NOW, certificate};

const EXAMPLE: &str = include_str!("../../../config.example.toml");

const REMOTE: &str = include_str!("../../../config.remote.example.toml");

fn bench_with_the_files_of_the_example() -> Bench {
    let bench = Bench::new();
    for name in ["other", "gateway"] {
        let (certificate, key) = certificate("other.example.com", 2040);
        bench.write(&format!("{name}.crt"), &certificate, 0o644);
        bench.write(&format!("{name}.key"), &key, 0o600);
    }
    for name in ["clients-ca.crt", "issuer-ca.crt", "orders-ca.crt"] {
        bench.write(name, &certificate("authority", 2040).0, 0o644);
    }
    bench.write("subject.key", "0123456789abcdef", 0o600);
    bench.write("legacy.secret", "0123456789abcdef0123456789abcdef\n", 0o600);
    bench.write("legacy-events.secret", "an events' secret of 32 bytes or more\n", 0o600);
    bench.write("old-shop.secret", "0123456789abcdef0123456789abcdef\n", 0o600);
    bench.write("sign-in-page.key", "0123456789abcdef0123456789abcdef\n", 0o600);
    bench.write("partner.pem", &rcgen::KeyPair::generate().unwrap().public_key_pem(), 0o644);
    bench
}

#[test]
fn the_example_is_accepted_without_warning() {
    let settings = bench_with_the_files_of_the_example().load_with(EXAMPLE, &[]).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(settings.warnings, []);
    let authority = settings.authority.unwrap();
    assert_eq!((authority.applications.len(), authority.identity_providers.len(), authority.api_keys.len()), (3, 4, 2));
    assert_eq!((settings.issuers.len(), settings.routes.len()), (7, 3));
}

#[test]
fn the_example_of_a_remote_authority_is_accepted_without_warning() {
    let settings = bench_with_the_files_of_the_example().load_with(REMOTE, &[]).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(settings.warnings, []);
    let remote = settings.remote.unwrap();
    assert_eq!((remote.applications.len(), settings.events.len(), settings.authority.is_none()), (2, 1, true));
    assert_eq!((settings.issuers.len(), settings.upstreams.len()), (1, 3), "it is an issuer and an upstream");
}

#[test]
fn the_example_is_a_file_for_its_owner_alone() {
    let bench = bench_with_the_files_of_the_example();
    for (mode, accepted) in [(0o600, true), (0o644, false)] {
        bench.write("t.toml", EXAMPLE, mode);
        assert_eq!(crate::config::load_at(&bench.path(), [], NOW).is_ok(), accepted, "{mode:o}");
    }
}

#[test]
fn the_example_shows_every_known_key() {
    // No file can show both kinds of authority.
    let documents = [EXAMPLE, REMOTE].map(|text| document::parse(text).unwrap());
    let mut missing = Vec::new();
    missing_keys(&documents.each_ref(), ROOT, "", 0, &mut missing);
    // The same tables as an issuer's, which are shown there with all their alternatives.
    missing.retain(|path| !path.starts_with("/authority/events/"));
    // It cannot stand beside `encryption_key_file`.
    assert_eq!(missing, ["/store/encryption_key"]);
    assert!(EXAMPLE.contains("\n# encryption_key = "));
}

/// Keys that no table of `tables` has. Rules nest without end, so that their inner rules are not asked for all.
fn missing_keys(tables: &[&Node], keys: &'static [Key], path: &str, depth: usize, missing: &mut Vec<String>) {
    for key in keys {
        let path = format!("{path}/{}", key.name);
        let found: Vec<&Node> = tables.iter().filter_map(|table| table.get(key.name)).collect();
        if found.is_empty() {
            missing.push(path);
            continue;
        }
        match key.kind {
            Kind::Table(inner) if depth < 2 => missing_keys(&found, inner, &path, depth + 1, missing),
            Kind::Blocks(inner) if depth < 2 && !matches!(key.name, "any" | "all") => {
                let items: Vec<&Node> = found.iter().flat_map(|node| node.items()).collect();
                missing_keys(&items, inner, &path, depth + 1, missing);
            }
            _ => {}
        }
    }
}
