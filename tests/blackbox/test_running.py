"""Starting, replacing and ending the process; what environment, files and the admin listener say."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest
from conftest import issuer_block, listeners, routes
from gateway import BINARY, Gateway, certificate
from jose import SigningKey
from process import Process, fetch, free_port, wait_until

ROOT = pathlib.Path(__file__).parents[2]


def run(*arguments, env=None, cwd=None):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})}, cwd=cwd)


def second(gateway, *arguments):
    """The same configuration run once more, with an admin address of its own."""
    port = free_port()
    env = {"TOLLGATE_ADMIN__ADDRESS": f"127.0.0.1:{port}"}
    return port, Process("second", [BINARY, "run", "--config", gateway.path, *arguments], gateway.folder / "log", env=env, cwd=gateway.folder)


# ---------------------------------------------------------------- addresses and exit codes


def test_an_address_in_use_is_refused_and_named(start_gateway, template, token):
    gateway = start_gateway(template)
    _, other = second(gateway)
    assert other.child.wait(15) == 1, "not the configuration's fault: trying again may help"
    assert f"127.0.0.1:{gateway.plain_port}" in other.output() or f"127.0.0.1:{gateway.tls_port}" in other.output()
    assert gateway.get("/nginx/hello.txt", token)[0] == 200


def test_a_busy_admin_address_is_refused_too(start_gateway, template):
    gateway = start_gateway(template)
    done = run("run", "--config", gateway.path, "--take-over")
    assert done.returncode == 1 and f"127.0.0.1:{gateway.admin_port}" in done.stderr


def test_take_over_replaces_a_running_gateway_without_a_lost_request(start_gateway, template, token):
    gateway = start_gateway(template)
    stop, failures, answers = threading.Event(), [], []

    def ask():
        while not stop.is_set():
            try:
                answers.append(gateway.get("/nginx/hello.txt", token)[0])
            except OSError as error:
                failures.append(error)

    client = threading.Thread(target=ask)
    client.start()
    try:
        port, other = second(gateway, "--take-over")
        wait_until(lambda: status(port, "/readyz") == 200, 15, "the second's readiness")
        assert gateway.stop() == 0
        time.sleep(0.5)
        assert status(port, "/readyz") == 200
    finally:
        stop.set()
        client.join()
        code = other.stop()
    assert (code, failures, set(answers)) == (0, [], {200}) and len(answers) > 20


def status(port, path):
    try:
        return fetch(f"http://127.0.0.1:{port}{path}")[0]
    except OSError:
        return 0


def test_exit_codes(tmp_path, gateway):
    assert run("check", gateway.path).returncode == 0
    assert run("--version").returncode == 0
    for arguments in [["check"], ["run"], ["run", "--config"], ["check", "--no-such-option", "x"], ["check", "/nowhere/tollgate.toml"]]:
        assert run(*arguments).returncode == 2, arguments
    bad = tmp_path / "tollgate.toml"
    bad.write_text("[[listener]]\n")
    assert run("check", bad).returncode == 2 and run("run", "--config", bad).returncode == 2


# ---------------------------------------------------------------- the end


def hanging(template, port, drain):
    """A configuration with a route whose backend never answers."""
    text = template.replace('address = "127.0.0.1:@PLAIN@"', f'address = "127.0.0.1:@PLAIN@"\ndeadlines = {{ drain = "{drain}" }}')
    return text + f'\n[[upstream]]\nname = "stuck"\nservers = ["http://127.0.0.1:{port}"]\n\n' \
                  '[[route]]\nname = "stuck"\npath = "/stuck"\nupstream = "stuck"\nanonymous = true\n'


@pytest.fixture
def stuck():
    """A server that takes requests and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def ask_in_vain(gateway, stuck):
    client = socket.create_connection(("127.0.0.1", gateway.plain_port), timeout=20)
    client.sendall(b"GET /stuck HTTP/1.1\r\nHost: localhost\r\n\r\n")
    taken = stuck.accept()[0]
    taken.recv(1)
    return client, taken


def test_the_end_waits_for_requests_until_the_drain_deadline(start_gateway, template, stuck):
    gateway = start_gateway(hanging(template, stuck.getsockname()[1], "1s"))
    client, taken = ask_in_vain(gateway, stuck)
    began = time.monotonic()
    gateway.process.child.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    status_now, _, body = fetch(gateway.admin + "/readyz")
    assert status_now == 503 and json.loads(body)["draining"] is True
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", gateway.plain_port)) != 0
    assert gateway.process.child.wait(10) == 0
    assert 0.8 < time.monotonic() - began < 5
    client.close()
    taken.close()


@pytest.mark.parametrize("first,then", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)])
def test_a_second_signal_ends_at_once(start_gateway, template, stuck, first, then):
    gateway = start_gateway(hanging(template, stuck.getsockname()[1], "60s"))
    client, taken = ask_in_vain(gateway, stuck)
    gateway.process.child.send_signal(first)
    time.sleep(0.3)
    assert gateway.process.child.poll() is None
    gateway.process.child.send_signal(then)
    assert gateway.process.child.wait(5) == 1
    client.close()
    taken.close()


def test_signals_that_are_nothing_to_it_do_not_end_it(start_gateway, template, token):
    gateway = start_gateway(template)
    for _ in range(20):
        gateway.process.child.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert gateway.get("/nginx/hello.txt", token)[0] == 200


# ---------------------------------------------------------------- environment and secrets


def test_the_environment_overrides_the_file(start_gateway, template, keys):
    env = {"TOLLGATE_ISSUER__CORP__AUDIENCES": "elsewhere", "TOLLGATE_LOG__ACCESS": "false", "TOLLGATE_PORT_9464_TCP": "tcp://10.0.0.1:9464"}
    gateway = start_gateway(template, env=env)
    assert gateway.get("/nginx/hello.txt", keys["ES256"].token())[0] == 401
    assert gateway.get("/nginx/hello.txt", keys["ES256"].token(aud="elsewhere"))[0] == 200
    assert not gateway.access_lines()
    # A reload reads the file anew, and the environment over it.
    gateway.write(template.replace("max_lifetime", "# max_lifetime"))
    gateway.process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "configuration reloaded" in gateway.process.output(), 10, "the reload")
    assert gateway.get("/nginx/hello.txt", keys["ES256"].token())[0] == 401


def test_a_bad_variable_is_named(gateway):
    done = run("check", gateway.path, env={"TOLLGATE_RUNTIME__WORKERS": "many", "TOLLGATE_ISSUER__CORP__AUDIENCE": "x"})
    assert done.returncode == 2
    assert "TOLLGATE_RUNTIME__WORKERS" in done.stderr and "TOLLGATE_ISSUER__CORP__AUDIENCE" in done.stderr and "`audiences`" in done.stderr


LEGACY = '\n[[issuer]]\nname = "legacy"\nissuer = "https://legacy.example"\naudiences = ["a"]\nalgorithms = ["HS256"]\nsecret_file = "secret"\n'


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
@pytest.mark.parametrize("file", ["secret", "tls.key"])
def test_a_secret_that_others_can_read_stops_the_start(template, tmp_path, file, mode):
    gateway = Gateway(tmp_path, template + LEGACY)
    (tmp_path / "secret").write_text("s3cr3t-" * 8)
    (tmp_path / "secret").chmod(0o600)
    assert "can be read by others" not in run("check", gateway.path).stderr
    (tmp_path / file).chmod(mode)
    for command in [["check", gateway.path], ["run", "--config", gateway.path]]:
        done = run(*command)
        assert done.returncode == 2
        assert re.search(rf"tollgate\.toml:\d+:\d+: .*{file}.*can be read by others.*chmod 600", done.stderr), done.stderr
        assert "s3cr3t" not in done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_a_secret_mounted_as_kubernetes_does_is_read_by_its_group():
    with tempfile.TemporaryDirectory() as name:
        folder, nobody = pathlib.Path(name), 65534
        folder.chmod(0o755)
        binary = folder / "tollgate"
        shutil.copy(BINARY, binary)
        certificate(folder)
        os.chown(folder / "tls.key", 0, nobody)
        text = GOOD.replace('address = "127.0.0.1:0"', 'address = "127.0.0.1:0"\ntls = { certificate = "tls.crt", private_key = "tls.key" }')
        (folder / "tollgate.toml").write_text(text)
        for mode, expected in [(0o440, 0), (0o640, 0), (0o444, 2), (0o460, 2)]:
            (folder / "tls.key").chmod(mode)
            done = subprocess.run([binary, "check", folder / "tollgate.toml"], capture_output=True, text=True, user=nobody, group=nobody, extra_groups=[])
            assert done.returncode == expected, f"{mode:o}: {done.stderr}"


# ---------------------------------------------------------------- what check refuses

GOOD = """
[[listener]]
name = "public"
address = "127.0.0.1:0"

[[issuer]]
name = "corp"
issuer = "https://corp.example"
audiences = ["a"]
algorithms = ["ES256"]
jwks_url = "http://127.0.0.1:9/jwks.json"

[[upstream]]
name = "up"
servers = ["http://127.0.0.1:9001"]

[[route]]
name = "all"
path = "/"
upstream = "up"
"""
ISSUER = '[[issuer]]\nname = "{name}"\nissuer = "{iss}"\naudiences = ["a"]\nalgorithms = ["ES256"]\njwks_url = "http://127.0.0.1:9/jwks.json"\n'
ROUTE = '[[route]]\nname = "{name}"\npath = "{path}"\nupstream = "up"\n'
REFUSED = {
    "an issuer without audiences": (('audiences = ["a"]', "audiences = []"), "", "issuer.corp.audiences"),
    "a symmetric algorithm beside public keys": (('["ES256"]', '["ES256", "HS256"]'), "", "issuer.corp.algorithms[1]"),
    "the algorithm none": (('["ES256"]', '["none"]'), "", "issuer.corp.algorithms[0]"),
    "keys over plain http": (("http://127.0.0.1:9/", "http://keys.example/"), "", "issuer.corp.jwks_url"),
    "a password in a key address": (("http://127.0.0.1:9/", "https://me:pw@keys.example/"), "", "issuer.corp.jwks_url"),
    "an unreachable route": (("", ""), ROUTE.format(name="again", path="/") + 'methods = ["GET"]\n' + ROUTE.format(name="more", path="/"), "route."),
    "two routes alike": (("", ""), ROUTE.format(name="again", path="/"), "route.again"),
    "an unknown upstream": (('upstream = "up"', 'upstream = "upp"'), "", "did you mean `up`"),
    "an unknown issuer": (('upstream = "up"', 'upstream = "up"\nissuers = ["crop"]'), "", "did you mean `corp`"),
    "an unknown key": (('path = "/"', 'path = "/"\nrequire = { rolls = ["x"] }'), "", "did you mean `roles`"),
    "one issuer string twice": (("", ""), ISSUER.format(name="b", iss="https://corp.example"), "issuer.b.issuer"),
    "a route that names none of several issuers": (("", ""), ISSUER.format(name="b", iss="https://b.example"), "route.all.issuers"),
    "two names alike": (("", ""), ROUTE.format(name="all", path="/b"), "route"),
    "proxies that are everybody": (('address = "127.0.0.1:0"', 'address = "127.0.0.1:0"\ntrusted_proxies = ["0.0.0.0/0"]'), "", "trusted_proxies"),
    "a leeway without bound": (('audiences', 'leeway = "10m"\naudiences'), "", "issuer.corp.leeway"),
    "an identity header that frames": (('path = "/"', 'path = "/"\nidentity_headers = { Content-Length = "sub" }'), "", "Content-Length"),
    "a wrong kind": (('audiences = ["a"]', 'audiences = "a"'), "", "issuer.corp.audiences"),
    "a duration without unit": (('audiences', 'max_lifetime = "5"\naudiences'), "", "issuer.corp.max_lifetime"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_check_refuses(tmp_path, fault):
    path = tmp_path / "tollgate.toml"
    path.write_text(GOOD)
    assert run("check", path).returncode == 0
    (found, changed), more, names = REFUSED[fault]
    path.write_text((GOOD.replace(found, changed, 1) if found else GOOD) + more)
    done = run("check", path)
    assert done.returncode == 2 and names in done.stderr, done.stderr
    assert re.search(r"tollgate\.toml:\d+:\d+: ", done.stderr), done.stderr


def test_check_reports_everything_in_one_pass_for_people_and_programs(tmp_path):
    path = tmp_path / "tollgate.toml"
    path.write_text(GOOD.replace('audiences = ["a"]', "audiences = []").replace('path = "/"', 'pth = "/"\npath = "/"').replace('upstream = "up"', 'upstream = "upp"'))
    done, machine = run("check", path), run("check", "--json", path)
    lines = [line for line in done.stderr.splitlines() if line.startswith(str(path))]
    assert [line.split(": ")[1] for line in lines[:-1]] == ["issuer.corp.audiences", "route.all.pth", "route.all.upstream"]
    problems = json.loads(machine.stdout)["problems"]
    assert [problem["key"] for problem in problems] == ["issuer.corp.audiences", "route.all.pth", "route.all.upstream"]
    assert all(problem["position"] for problem in problems) and machine.returncode == 2


# ---------------------------------------------------------------- the admin listener


def documented():
    """Each metric family of docs/operations.md with its labels."""
    rows = re.findall(r"^\| `(tollgate_\w+)` \|([^|]*)\|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def shown(text):
    """Each metric family of a scrape with its labels."""
    families = {}
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    for name, labels in re.findall(r"^(tollgate_\w+?)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        family = next((family for family in [name, re.sub(r"_(bucket|sum|count)$", "", name)] if family in kinds), name)
        families.setdefault(family, set()).update(set(re.findall(r'(\w+)="', labels)) - {"le"})
    return families


def test_every_documented_metric_is_there_with_its_labels_and_no_other(start_gateway, template, keys):
    gateway = start_gateway(template)
    token = keys["RS256"].token()
    for _ in range(2):
        gateway.get("/nginx/hello.txt", token, {"X-Forwarded-User": "forged"})
    for number in range(2):
        gateway.get("/nginx/hello.txt", keys["RS256"].token(headers={"kid": f"unknown-{number}"}))
    gateway.get("/nginx/../x")
    fetch(gateway.tls + "/", cafile=str(gateway.cafile))
    done = subprocess.run(["promtool", "check", "metrics"], input=gateway.metrics(), capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr
    # No authority is here, embedded or remote, and no webhook in or out.
    elsewhere = ("tollgate_tokens_issued_total", "tollgate_webhook_", "tollgate_remote_authority_")
    expected = {name: labels for name, labels in documented().items() if not name.startswith(elsewhere)}
    assert shown(gateway.metrics()) == expected
    buckets = re.findall(r'tollgate_token_validation_duration_seconds_bucket\{[^}]*le="([^"]+)"', gateway.metrics())
    assert {float(le) for le in buckets} >= {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1}
    assert gateway.metric("tollgate_token_validation_duration_seconds_count", source="cache", result="accepted") == 1
    assert gateway.metric("tollgate_token_validation_duration_seconds_count", source="signature", result="accepted") == 1
    assert gateway.metric("tollgate_token_cache_hits_total") == 1 and gateway.metric("tollgate_token_cache_entries") == 1
    assert gateway.metric("tollgate_key_fetches_suppressed_total", issuer="corp") >= 1
    assert gateway.metric("tollgate_identity_headers_stripped_total") == 2


def test_health_and_status(start_gateway, template, token):
    gateway = start_gateway(template)
    assert fetch(gateway.admin + "/livez")[::2] == (200, b"ok\n")
    ready = json.loads(fetch(gateway.admin + "/readyz")[2])
    assert ready == {"ready": True, "draining": False, "issuers": {"corp": "ready"}}
    assert (gateway.admin_status("/readyz/corp"), gateway.admin_status("/readyz/nobody"), gateway.admin_status("/else")) == (200, 404, 404)
    gateway.get("/nginx/hello.txt", token)
    code, headers, body = fetch(gateway.admin + "/status")
    told = json.loads(body)
    assert code == 200 and headers["Content-Type"] == "application/json" and headers["Cache-Control"] == "no-store"
    assert {"build", "uptime_seconds", "draining", "workers", "listeners", "issuers", "upstreams", "routes"} <= set(told)
    issuer = told["issuers"][0]
    assert (issuer["state"], issuer["keys"], issuer["last_error"]) == ("ready", 6, None) and issuer["next_fetch_in_seconds"] > 0
    assert [listener["name"] for listener in told["listeners"]] == ["plain", "tls"]
    assert {route["access"] for route in told["routes"]} == {"required", "anonymous"}
    assert token not in body.decode() and "PRIVATE" not in body.decode()
    assert fetch(gateway.admin + "/metrics", data=b"x")[0] == 405


def test_health_while_an_issuer_is_away(start_gateway, servers):
    block = issuer_block(f"http://127.0.0.1:{free_port()}/jwks.json")
    gateway = start_gateway(listeners() + block + routes({"nginx": servers["nginx"]}), ready=False)
    code, _, body = fetch(gateway.admin + "/readyz")
    assert (code, json.loads(body)) == (503, {"ready": False, "draining": False, "issuers": {"corp": "cold"}})
    assert gateway.admin_status("/livez") == 200
    gateway.process.wait_for_port(gateway.plain_port)
    answer = gateway.get("/nginx/hello.txt", SigningKey("k", "ES256").token())
    assert answer[0] == 503 and int(answer[1]["Retry-After"]) >= 1
    assert gateway.get("/nginx/public/x")[0] == 404, "anonymous routes need no keys"


def test_the_admin_listener_can_be_left_out(tmp_path, template):
    certificate(tmp_path)
    gateway = Gateway(tmp_path, template.replace('address = "127.0.0.1:@ADMIN@"', 'address = "off"'))
    process = Process("tollgate", [BINARY, "run", "--config", gateway.path], tmp_path)
    try:
        process.wait_for_port(gateway.plain_port)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", gateway.admin_port)) != 0
    finally:
        assert process.stop() == 0
