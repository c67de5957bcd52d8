//! The limit of open files that the program gives itself.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::OpenSite;

#[test]
fn low_soft_limit_of_open_files_is_raised_and_a_hard_one_too_low_for_the_connections_is_said() {
    // 100 connections of the listener and 1024 of the server.
    for (hard, is_enough) in [(1123, false), (1124, true)] {
        let listener = "limits.connections = 100";
        let text = OpenSite { listener, ..OpenSite::default() }.text(&["http://127.0.0.1:9"]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tollgate.toml");
        std::fs::write(&file, text).unwrap();
        let script = format!("ulimit -Sn 64; ulimit -Hn {hard}; exec \"$0\" run --config \"$1\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_tollgate")]).arg(&file).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let before: Vec<String> = lines.take_while(|line| !line.contains("listening")).collect();
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let (soft, given) = (files.split_whitespace().nth(3).unwrap(), hard.to_string());
        assert_eq!(soft, given, "{files}");
        let warned = before.iter().any(|line| line.contains("limit of open files is below") && line.contains("1124"));
        assert_eq!(warned, !is_enough, "{before:?}");
    }
}
