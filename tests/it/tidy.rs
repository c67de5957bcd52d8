//! The architecture as a test: what one crate cannot say with visibility alone.
//!
//! Reads the sources as text. A rule that turns out wrong is changed here together with ARCHITECTURE.md, never
//! worked around in the code.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest function, in lines from signature to closing brace.
const FUNCTION_LINES: usize = 70;
/// Longest file, in lines, tests included.
const FILE_LINES: usize = 500;
/// Names that say nothing about what a file owns.
const BANNED_NAMES: [&str; 8] = ["util", "utils", "common", "helpers", "helper", "misc", "types", "manager"];

/// Edges refused beyond the order of `lib.rs`, with the reason a reader is owed.
const REFUSED: [(&str, &[&str], &str); 16] = [
    ("gateway", &["cli"], "commands call the gateway, never the other way"),
    ("listener", &["proxy", "issuer", "upstream", "route", "policy", "identity", "token"], "it serves any handler"),
    ("proxy", &["config", "gateway", "admin", "listener", "api", "events"], "the pipeline is handed its snapshot and its peer"),
    ("api", &["config", "gateway", "admin", "listener", "store::sqlite"], "requests and words; the authority does the work"),
    (
        "events",
        &["config", "gateway", "admin", "listener", "api", "authority", "policy", "store::sqlite"],
        "another party's word, for its own tokens",
    ),
    ("admin", &["issuer", "token", "events", "authority", "route", "store", "revocation"], "it shows what it is handed"),
    (
        "authority",
        &["config", "gateway", "admin", "listener", "api", "proxy", "route", "policy", "store::sqlite"],
        "values in, changes out: it knows neither HTTP nor SQL",
    ),
    ("revocation", &["authority", "api", "events", "proxy", "issuer"], "it is told what ended, and asked about lineages"),
    ("store", &["authority", "api", "proxy", "issuer", "revocation"], "it keeps what it is given"),
    (
        "issuer",
        &["config", "gateway", "admin", "listener", "proxy", "authority", "upstream::pool", "route", "policy"],
        "it proves, others decide",
    ),
    (
        "upstream",
        &["config", "gateway", "admin", "proxy", "route", "issuer", "policy", "identity"],
        "it decides nothing about requests",
    ),
    (
        "token",
        &["issuer", "identity", "policy", "route", "proxy", "upstream", "fetch", "telemetry", "config"],
        "pure: bytes, keys, an instant",
    ),
    (
        "route",
        &["issuer", "upstream", "proxy", "fetch", "telemetry", "config", "token"],
        "pure: it knows neither tokens nor servers",
    ),
    ("policy", &["issuer", "upstream", "proxy", "fetch", "telemetry", "config", "route"], "pure: a rule and an identity"),
    (
        "identity",
        &["issuer", "upstream", "proxy", "fetch", "telemetry", "config", "route", "policy"],
        "pure: who, never what they may do",
    ),
    ("config", &["cli", "gateway", "proxy", "admin"], "it only makes settings"),
];

/// Folders that take values and return values.
const PURE: [&str; 4] = ["token", "route", "policy", "identity"];
/// What they do not name.
const IMPURE: [&str; 7] = ["tokio", "hyper", "std::fs", "std::net::Tcp", "std::net::Udp", "SystemTime", "Instant::now"];

/// Whether a path below `src/` is the home of a crate.
type Home = fn(&str) -> bool;

/// Outside crates with a home: crate, where it may be used.
const HOMES: [(&str, Home); 9] = [
    ("figment", |path| path.starts_with("config/")),
    ("toml_edit", |path| path.starts_with("config/")),
    ("jsonwebtoken", |path| path.starts_with("token/")),
    ("rustls", |path| {
        let connects = path.starts_with("listener/tls")
            || path == "listener/certificates.rs"
            || path.starts_with("upstream/")
            || path.starts_with("fetch");
        // It parses keys and compares them with certificates; that needs no connection.
        connects || path == "config/compile/certificate.rs"
    }),
    ("prometheus", |path| path.starts_with("telemetry/") || path.starts_with("admin/") || is_metrics(path)),
    ("rlimit", |path| path == "cli/open_files.rs"),
    ("rusqlite", |path| path.starts_with("store/sqlite/")),
    ("notify", |path| path.starts_with("gateway/")),
    ("clap", |path| path.starts_with("cli/") || path == "main.rs"),
];

/// What anyone may hold: a metric that its folder's `metrics.rs` registered.
const HANDLES: [&str; 5] = ["IntCounter", "IntGauge", "Gauge", "Histogram", "Registry"];

/// Whether `line` imports metric handles and nothing else of prometheus.
fn names_handles(line: &str) -> bool {
    let items = line.trim().strip_prefix("use prometheus::").and_then(|rest| rest.strip_suffix(';'));
    let mut names = items.into_iter().flat_map(|items| items.trim_matches(['{', '}']).split(',')).map(str::trim).peekable();
    names.peek().is_some() && names.all(|name| HANDLES.contains(&name))
}

fn is_metrics(path: &str) -> bool {
    path.ends_with("/metrics.rs") || path.contains("/metrics/")
}

/// One file below `src/`.
struct Source {
    /// Relative to `src/`, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// The module directly below the crate root that the file belongs to.
    fn module(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// Lines that are code of the product: without comments, and up to inline tests.
    fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test_file = self.path.ends_with("tests.rs") || self.path.contains("/tests/");
        let production = self.text.lines().enumerate().take_while(move |(_, line)| !is_test_file && !opens_tests(line));
        production.map(|(index, line)| (index + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn opens_tests(line: &str) -> bool {
    line.trim() == "#[cfg(test)]"
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let relative = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
    files.iter().map(|path| Source { path: relative(path), text: fs::read_to_string(path).unwrap() }).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Runs `rule` over all files and fails with every breach at once.
#[track_caller]
fn no_breach(rule: impl Fn(&Source) -> Vec<String>) {
    let breaches: Vec<String> = sources().iter().flat_map(rule).collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn every_file_says_what_it_owns() {
    no_breach(|source| match source.text.starts_with("//! ") {
        true => vec![],
        false => vec![format!("src/{}: opens without `//!`", source.path)],
    });
}

#[test]
fn files_are_short() {
    no_breach(|source| {
        let lines = source.text.lines().count();
        if lines > FILE_LINES { vec![format!("src/{}: {lines} lines, at most {FILE_LINES}", source.path)] } else { vec![] }
    });
}

#[test]
fn file_names_name_a_thing() {
    no_breach(|source| {
        let banned = source.path.split('/').any(|part| BANNED_NAMES.contains(&part.trim_end_matches(".rs")));
        if banned { vec![format!("src/{}: a name that says nothing", source.path)] } else { vec![] }
    });
}

#[test]
fn functions_fit_on_a_screen() {
    no_breach(|source| {
        let long = functions(&source.text).into_iter().filter(|(_, _, lines)| *lines > FUNCTION_LINES);
        long.map(|(line, name, lines)| {
            format!("src/{}:{line}: `{name}` has {lines} lines, at most {FUNCTION_LINES}", source.path)
        })
        .collect()
    });
}

/// Functions as (line, name, number of lines). Relies on rustfmt: the closing brace stands alone at the indentation
/// of the signature.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let opens = lines[index..].iter().position(|line| line.ends_with('{') || line.ends_with('}') || line.ends_with(';'));
        let Some(opens) = opens.filter(|at| lines[index + at].ends_with('{')) else { continue };
        let closes = lines[index + opens..].iter().position(|line| *line == closing);
        found.push((index + 1, name, closes.map_or(1, |at| opens + at + 1)));
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let head = line.trim_start();
    let (before, after) = head.split_once("fn ")?;
    let only_qualifiers = before.split_whitespace().all(|word| {
        word.starts_with("pub") || word.starts_with("in ") || ["const", "async", "unsafe", "extern", "\"C\""].contains(&word)
    });
    let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (only_qualifiers && !name.is_empty()).then_some(name)
}

#[test]
fn modules_use_only_what_lib_rs_declares_beside_or_after_them() {
    let groups = groups();
    let place = |module: &str| groups.iter().position(|group| group.iter().any(|name| name == module));
    no_breach(|source| {
        let Some(own) = place(source.module()) else { return vec![] };
        edges(source)
            .filter(|(_, target)| place(first_segment(target)).is_some_and(|place| place < own))
            .map(|(line, target)| format!("src/{}:{line}: uses crate::{target}, which lib.rs declares before it", source.path))
            .collect()
    });
}

/// The paragraphs of module declarations in `lib.rs`, outermost first (within one, rustfmt sorts by name).
fn groups() -> Vec<Vec<String>> {
    let library = sources().into_iter().find(|source| source.path == "lib.rs").unwrap().text;
    let names = |paragraph: &str| {
        let declared = paragraph.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        declared.map(str::to_owned).collect::<Vec<_>>()
    };
    library.split("\n\n").map(names).filter(|group| !group.is_empty()).collect()
}

#[test]
fn refused_edges_are_absent() {
    no_breach(|source| {
        let refused = REFUSED.iter().filter(|(module, _, _)| *module == source.module());
        refused
            .flat_map(|(module, targets, reason)| {
                edges(source)
                    .filter(|(_, used)| targets.iter().any(|target| used == target || used.starts_with(&format!("{target}::"))))
                    .map(move |(line, used)| format!("src/{}:{line}: {module} -> {used} is refused: {reason}", source.path))
            })
            .collect()
    });
}

/// Every `crate::path` of the product's code, as (line, path without `crate::`), also inside braces after `crate::{`.
fn edges(source: &Source) -> impl Iterator<Item = (usize, String)> {
    source.code_lines().flat_map(|(number, line)| {
        let pieces = line.split("crate::").skip(1).flat_map(|rest| match rest.strip_prefix('{') {
            Some(group) => group.split(',').map(str::trim).map(leading_path).collect::<Vec<_>>(),
            None => vec![leading_path(rest)],
        });
        pieces.filter(|path| !path.is_empty()).map(|path| (number, path)).collect::<Vec<_>>()
    })
}

fn leading_path(text: &str) -> String {
    let path: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
    path.trim_end_matches(':').to_owned()
}

fn first_segment(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

#[test]
fn pure_folders_do_no_input_or_output() {
    no_breach(|source| {
        if !PURE.contains(&source.module()) {
            return vec![];
        }
        let impure = source.code_lines().filter_map(|(number, line)| {
            let word = IMPURE.iter().find(|word| names_path(line, word))?;
            Some(format!("src/{}:{number}: `{word}` in a pure folder", source.path))
        });
        impure.collect()
    });
}

#[test]
fn outside_crates_stay_in_their_homes() {
    no_breach(|source| {
        let strays = source.code_lines().flat_map(|(number, line)| {
            let away = HOMES.iter().filter(|(_, at_home)| !at_home(&source.path));
            away.filter(move |(name, _)| names_crate(line, name) && !names_handles(line))
                .map(move |(name, _)| format!("src/{}:{number}: `{name}` is used outside its home", source.path))
        });
        strays.collect()
    });
}

/// Whether `line` names `word` as a whole path segment (`std::net::Tcp` also begins `std::net::TcpStream`).
fn names_path(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Whether `line` uses the crate `name`: `name::` at the start of a path, which `tokio_rustls::` and `crate::x::` are not.
fn names_crate(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    line.match_indices(&path).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

#[test]
fn nothing_outside_tests_can_panic_by_choice() {
    no_breach(|source| {
        let words = [".unwrap()", ".expect(\"", "panic!(", "unreachable!(", "todo!(", "unimplemented!("];
        let hits = source.code_lines().filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        hits.map(|(number, line)| format!("src/{}:{number}: {}", source.path, line.trim())).collect()
    });
}

#[test]
fn lints_are_excused_with_a_reason() {
    no_breach(|source| {
        let silent = source.code_lines().filter(|(_, line)| line.contains("#[allow(") || line.contains("#![allow("));
        silent.map(|(number, _)| format!("src/{}:{number}: `allow`; write `expect` with a reason", source.path)).collect()
    });
}

#[test]
fn nothing_is_left_for_later() {
    no_breach(|source| {
        let marks = ["TODO", "FIXME", "XXX", "HACK"];
        let hits = source.text.lines().enumerate().filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)));
        hits.map(|(index, line)| format!("src/{}:{}: {}", source.path, index + 1, line.trim())).collect()
    });
}

#[test]
fn the_table_of_refused_edges_names_modules_that_exist() {
    let declared = groups().concat();
    let known = |name: &str| declared.iter().any(|module| module == first_segment(name));
    for (module, others, _) in REFUSED {
        assert!(known(module) && others.iter().all(|other| known(other)), "{module} or one of {others:?} is gone");
    }
}

mod own {
    //! The rules' own eyesight.
    use super::*;

    #[test]
    fn sees_functions_and_their_length() {
        let text =
            "impl X {\n    pub(crate) async fn long(\n        a: u8,\n    ) -> u8 {\n        a\n    }\n\n    fn none();\n}\n";
        assert_eq!(functions(text), [(2, "long".to_owned(), 5)]);
    }

    #[test]
    fn sees_edges_in_groups_and_paths() {
        let text = "use crate::{issuer::Verifier, clock};\nlet x = crate::proxy::handle();\n// crate::gateway\n#[cfg(test)]\nuse crate::cli;\n";
        let source = Source { path: "token/x.rs".into(), text: text.into() };
        let found: Vec<_> = edges(&source).map(|(_, path)| path).collect();
        assert_eq!(found, ["issuer::Verifier", "clock", "proxy::handle"]);
    }

    #[test]
    fn tells_a_crate_from_its_namesakes() {
        assert!(names_crate("use rustls::ServerConfig;", "rustls"));
        assert!(names_crate("fn f(c: Arc<rustls::ServerConfig>)", "rustls"));
        assert!(!names_crate("use tokio_rustls::TlsAcceptor;", "rustls"));
        assert!(!names_crate("use crate::rustls::X;", "rustls"));
        assert!(names_handles("use prometheus::{IntCounter, IntGauge};") && names_handles("use prometheus::IntGauge;"));
        assert!(!names_handles("use prometheus::{IntCounter, Opts};") && !names_handles("let x = 1;"));
    }
}
