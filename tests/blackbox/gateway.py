"""The program under test: its configuration, its process, its admin listener."""

import json
import os
import pathlib
import subprocess

from process import Process, fetch, free_port, wait_until

BINARY = os.environ.get("TOLLGATE_BIN", str(pathlib.Path(__file__).parents[2] / "target" / "debug" / "tollgate"))


def certificate(folder: pathlib.Path):
    """A self-signed certificate for localhost, by openssl: tls.crt and tls.key in `folder`."""
    if not (folder / "tls.crt").exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:*.example.com,DNS:*.other.example.com,IP:127.0.0.1",
                        "-keyout", folder / "tls.key", "-out", folder / "tls.crt"], check=True, capture_output=True)
        (folder / "tls.key").chmod(0o600)


class Gateway:
    """A running `tollgate run`. `template` is a configuration in which @PLAIN@, @TLS@ and @ADMIN@ stand for ports."""

    def __init__(self, folder: pathlib.Path, template: str, env=None):
        self.folder, self.path, self.env = folder, folder / "tollgate.toml", env or {}
        self.plain_port, self.tls_port, self.admin_port = free_port(), free_port(), free_port()
        self.plain = f"http://127.0.0.1:{self.plain_port}"
        self.tls = f"https://localhost:{self.tls_port}"
        self.admin = f"http://127.0.0.1:{self.admin_port}"
        self.cafile = folder / "tls.crt"
        certificate(folder)
        self.write(template)
        self.process = None

    def write(self, template: str):
        ports = {"@PLAIN@": self.plain_port, "@TLS@": self.tls_port, "@ADMIN@": self.admin_port}
        for place, port in ports.items():
            template = template.replace(place, str(port))
        # In one step, as a careful operator's tool does: the watcher never sees half a file.
        draft = self.path.with_suffix(".draft")
        draft.write_text(template)
        draft.replace(self.path)

    def start(self, ready=True, *arguments):
        command = [BINARY, "run", "--config", self.path, *arguments]
        log = self.folder / "log"  # of its own: the folder of the configuration is watched
        log.mkdir(exist_ok=True)
        self.process = Process("tollgate", command, log, env={"RUST_BACKTRACE": "1", **self.env}, cwd=self.folder)
        self.process.wait_for_port(self.admin_port)
        if ready:
            wait_until(lambda: self.admin_status("/readyz") == 200, 15, "readiness")
            self.process.wait_for_port(self.plain_port)
        return self

    def admin_status(self, path) -> int:
        try:
            return fetch(self.admin + path)[0]
        except OSError:
            return 0

    def metrics(self) -> str:
        status, _, body = fetch(self.admin + "/metrics")
        assert status == 200
        return body.decode()

    def metric(self, name, **labels) -> float:
        """The sum of the samples of `name` that carry `labels`."""
        total = 0.0
        for line in self.metrics().splitlines():
            if line.startswith((name + "{", name + " ")) and all(f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def get(self, path, token=None, headers=None, **options):
        """GET over the plain listener: (status, headers, body)."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return fetch(self.plain + path, headers=headers, **options)

    def received(self, path, token=None, headers=None, **options):
        """What a backend that shows its request says it received."""
        status, _, body = self.get(path, token, headers, **options)
        assert status == 200, (status, body)
        return json.loads(body)

    def access_lines(self):
        """The log's JSON lines that are about one request."""
        lines = [line for line in self.process.output().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if "route" in str(line) and "status" in str(line)]

    def stop(self) -> int:
        return self.process.stop() if self.process else 0
