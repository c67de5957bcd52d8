//! The gateway as a process, with users who have signed in.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::load::Request;

const ORDERS: &str = "3c219e58-ed0e-4b18-ad48-f4f92793ae32";
const BILLING: &str = "10000000-0000-0002-0000-000000000001";
const KEY: &str = "benchmark-benchmark-benchmark-benchmark";

/// A running gateway; it ends with this.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    _folder: TempDir,
}

/// What one client has.
pub struct Session {
    token: String,
    refresh_token: String,
}

impl Process {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        write("api.key", KEY);
        let file = write("tollgate.toml", &configuration(address));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        let child = command.arg("run").arg("--config").arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let process = Self { child, address, _folder: folder };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "the gateway did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }

    /// One user and one session for each client.
    pub fn sign_in_all(&self, clients: usize) -> Vec<Session> {
        let sign_in = |client: usize| {
            let billing = json!({ "registration": { "applicationId": BILLING } });
            let body = json!({
                "user": { "email": format!("user-{client}@example.com"), "password": "correct horse battery" },
                "registration": { "applicationId": ORDERS },
            });
            let answer = self.post("/api/user/registration", &body);
            let user = answer["user"]["id"].as_str().unwrap().to_owned();
            self.post(&format!("/api/user/registration/{user}"), &billing);
            let text = |name: &str| answer[name].as_str().unwrap().to_owned();
            Session { token: text("token"), refresh_token: text("refreshToken") }
        };
        (0..clients).map(sign_in).collect()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = Request::post(
            path,
            &format!("Authorization: {KEY}\r\nContent-Type: application/json\r\nConnection: close\r\n"),
            &body.to_string(),
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(&request.bytes).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    /// User and system time of the process so far.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        // Linux tells it in hundredths of a second on every system that Tollgate is built for.
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Session {
    pub fn issue(&self) -> Request {
        Request::get(&format!("/api/jwt/issue?applicationId={BILLING}"), &self.bearer())
    }

    pub fn refresh(&self) -> Request {
        let body = json!({ "refreshToken": self.refresh_token }).to_string();
        Request::post("/api/jwt/refresh", "Content-Type: application/json\r\n", &body)
    }

    pub fn validate(&self) -> Request {
        Request::get("/api/jwt/validate", &self.bearer())
    }

    pub fn introspect(&self) -> Request {
        let form = format!("token={}", self.token);
        Request::post("/oauth2/introspect", "Content-Type: application/x-www-form-urlencoded\r\n", &form)
    }

    fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token)
    }
}

fn configuration(address: SocketAddr) -> String {
    format!(
        r#"
[[listener]]
name = "plain"
address = "{address}"

[log]
access = false
level = "warn"

[admin]
address = "127.0.0.1:0"

[store]
url = "sqlite://tollgate.db"
encryption_key_file = "tollgate.key"

[authority]
issuer = "acme.com"

[[application]]
id = "{ORDERS}"
name = "orders"

[[application]]
id = "{BILLING}"
name = "billing"

[[api_key]]
name = "bench"
key_file = "api.key"
permissions = "all"
"#
    )
}
