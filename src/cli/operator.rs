//! Who runs a command, for the audit: as the system has it, not as the environment says.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// A person or program at a shell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Operator {
    /// The user id that the command runs with, where the system told.
    pub(super) uid: Option<u32>,
    /// The name of that id in the system's own list of users.
    pub(super) name: Option<String>,
    /// Who became that user by `sudo`; believed of root alone, who could pretend anyway.
    pub(super) behind_sudo: Option<String>,
}

impl Operator {
    /// Whoever runs this process.
    pub(super) fn of_this_process() -> Self {
        // A new file belongs to whom the process runs as.
        let uid = tempfile::tempfile().and_then(|file| file.metadata()).ok().map(|metadata| metadata.uid());
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let behind_sudo = std::env::var("SUDO_USER").ok().filter(|_| uid == Some(0));
        Self { uid, name: uid.and_then(|uid| name_of(uid, &users)), behind_sudo }
    }
}

/// The name of `uid` in a text as that of passwd(5).
fn name_of(uid: u32, users: &str) -> Option<String> {
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.get(2).is_some_and(|field| *field == uid.to_string()))?;
    line.first().map(|name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_the_id() {
        let users = "root:x:0:0:root:/root:/bin/sh\nno line\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(name_of(0, users).as_deref(), Some("root"));
        assert_eq!(name_of(1000, users).as_deref(), Some("ann"));
        assert_eq!(name_of(100, users), None);
    }

    #[test]
    fn this_process_runs_as_somebody() {
        assert!(Operator::of_this_process().uid.is_some());
    }
}
