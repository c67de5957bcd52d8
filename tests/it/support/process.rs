//! The binary, as a process that can be killed, traced and starved.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fs, thread};

/// A start takes no longer, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `tollgate run`; killed when dropped.
pub struct Process {
    child: Child,
    /// Of the listener `plain`.
    pub address: SocketAddr,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

/// What is run, without having said yet where it listens.
pub struct Starting {
    child: Child,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
    listening: mpsc::Receiver<SocketAddr>,
}

impl Process {
    /// Runs `text` as the configuration of `folder`, and waits until the listener `plain` listens.
    #[track_caller]
    pub fn start(folder: &Path, text: &str) -> Self {
        Starting::new(folder, text, &[]).listening()
    }

    /// As [`Self::start`], by way of a command that runs the rest of its arguments in place of itself.
    #[track_caller]
    pub fn start_by(wrapper: &[&str], folder: &Path, text: &str) -> Self {
        Starting::new(folder, text, wrapper).listening()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL; returns when it is no more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
    }

    /// All that it has written to either output.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Starting {
    /// Runs it.
    #[track_caller]
    pub fn new(folder: &Path, text: &str, wrapper: &[&str]) -> Self {
        let file = folder.join("tollgate.toml");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let words: Vec<&str> = wrapper.iter().copied().chain([env!("CARGO_BIN_EXE_tollgate"), "run", "--config"]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(&file).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", words[0]));
        let output = Arc::new(Mutex::new(Vec::new()));
        let (say, listening) = mpsc::channel();
        let readers = vec![
            follow(child.stdout.take().unwrap(), Arc::clone(&output), Some(say)),
            follow(child.stderr.take().unwrap(), Arc::clone(&output), None),
        ];
        Self { child, output, readers, listening }
    }

    /// Waits until it listens.
    #[track_caller]
    pub fn listening(self) -> Process {
        let Self { child, output, readers, listening } = self;
        let heard = listening.recv_timeout(PATIENCE);
        let mut process = Process { child, address: SocketAddr::from(([0, 0, 0, 0], 0)), output, readers };
        match heard {
            Ok(address) => process.address = address,
            Err(error) => {
                process.kill();
                let why = if error == RecvTimeoutError::Timeout { "did not start in time" } else { "ended" };
                panic!("it {why}: {}", process.output());
            }
        }
        process
    }

    /// SIGKILL after `delay`, however far it has come.
    pub fn kill_after(mut self, delay: Duration) {
        thread::sleep(delay);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn follow(
    from: impl Read + Send + 'static,
    output: Arc<Mutex<Vec<u8>>>,
    say: Option<mpsc::Sender<SocketAddr>>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            output.lock().unwrap().extend_from_slice(&line);
            if let (Some(say), Some(address)) = (&say, listens(&line)) {
                // Only the first is waited for.
                let _ = say.send(address);
            }
            line.clear();
        }
    })
}

/// The address of `plain`, where `line` says that it listens.
fn listens(line: &[u8]) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_slice(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    let is_it = fields["message"] == "listening" && fields["listener"] == "plain";
    fields["address"].as_str().filter(|_| is_it)?.parse().ok()
}
