"""Running it: commands, reload, health, metrics, logs, the end."""

import json
import signal
import socket
import subprocess
import threading
import time

import pytest
from gateway import BINARY, certificate
from process import Process, fetch, free_port, wait_until


def run(*arguments, **options):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **options)


@pytest.mark.parametrize("command", [[], ["run"], ["check"], ["demo"], ["token"], ["token", "inspect"], ["explain"]])
def test_every_command_explains_itself(command):
    done = run(*command, "--help")
    assert done.returncode == 0 and "Usage" in done.stdout


def test_bad_usage_is_exit_code_2():
    assert run("no-such-command").returncode == 2
    assert run("run", "--config", "/nowhere/tollgate.toml").returncode == 2


def test_check_accepts_what_run_accepts(gateway):
    done = run("check", gateway.path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("bad,names", [
    ('colour = "red"\n', "colour"),
    ('[[route]]\nname = "lost"\npath = "/lost"\nupstream = "nowhere"\n', "nowhere"),
    ('[[issuer]]\nname = "x"\nissuer = "https://x"\naudiences = []\njwks_url = "https://x/jwks"\nalgorithms = ["RS256"]\n', "audiences"),
])
def test_check_names_the_place_of_every_fault(gateway, template, tmp_path, bad, names):
    certificate(tmp_path)
    text = gateway.path.read_text()
    text = bad + text if "=" in bad.splitlines()[0] else text + bad
    path = tmp_path / "tollgate.toml"
    path.write_text(text)
    done = run("check", path)
    assert done.returncode == 2
    assert names in done.stdout + done.stderr and "tollgate.toml:" in done.stdout + done.stderr


def test_run_refuses_what_check_refuses(tmp_path):
    (tmp_path / "tollgate.toml").write_text("[[listener]]\nname = 3\n")
    assert run("run", "--config", tmp_path / "tollgate.toml").returncode == 2


def test_inspect_shows_a_token_and_not_its_signature(keys, token):
    done = run("token", "inspect", token)
    assert done.returncode == 0, done.stderr
    assert "user-1" in done.stdout and token.split(".")[2] not in done.stdout


def test_health(gateway):
    assert gateway.admin_status("/livez") == 200
    assert gateway.admin_status("/readyz") == 200
    status, headers, body = fetch(gateway.admin + "/status")
    assert status == 200 and json.loads(body)


def test_admin_is_on_no_public_listener(gateway, token):
    for path in ["/metrics", "/livez", "/readyz", "/status"]:
        assert gateway.get(path, token)[0] == 404


def test_reload_by_signal_and_by_file(start_gateway, template, token):
    gateway = start_gateway(template)
    assert gateway.get("/second/hello.txt", token)[0] == 404
    changed = template + '\n[[route]]\nname = "second"\npath = "/second"\nupstream = "nginx"\n'
    gateway.write(changed)
    gateway.process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.get("/second/none", token)[2].find(b"nginx") >= 0, 15, "the new route")
    gateway.write(template)
    wait_until(lambda: b"nginx" not in gateway.get("/second/none", token)[2], 60, "the watcher to see the old file again")


def test_a_bad_reload_changes_nothing_and_says_so(start_gateway, template, token):
    gateway = start_gateway(template)
    assert gateway.metric("tollgate_config_reload_success") == 1
    gateway.write(template + '\n[[route]]\nname = "x"\nupstream = "nowhere"\npath = "/x"\n')
    gateway.process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.metric("tollgate_config_reload_success") == 0, 15, "the metric to say so")
    assert gateway.get("/nginx/hello.txt", token)[0] == 200
    assert "nowhere" in gateway.process.output()


def test_a_renewed_certificate_is_served_without_a_restart(start_gateway, template):
    gateway = start_gateway(template)

    def serial():
        import ssl
        return ssl.get_server_certificate(("127.0.0.1", gateway.tls_port))

    before = serial()
    (gateway.folder / "tls.crt").unlink()
    certificate(gateway.folder)
    gateway.process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: serial() != before, 15, "the new certificate")


def test_a_request_under_way_is_finished_at_the_end(start_gateway, template, token):
    gateway = start_gateway(template)
    answers = []
    reader = threading.Thread(target=lambda: answers.append(gateway.get("/uvicorn/stream", token)))
    reader.start()
    time.sleep(0.2)
    gateway.process.child.send_signal(signal.SIGTERM)
    reader.join(20)
    assert answers and answers[0][0] == 200 and answers[0][2].endswith(b"data: 4\n\n")
    assert gateway.process.child.wait(20) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", gateway.plain_port)) != 0


def test_nothing_secret_is_in_the_logs(start_gateway, template, keys):
    gateway = start_gateway(template.replace('level = "info"', 'level = "debug"'))
    good, bad = keys["RS256"].token(sub="very-private-subject"), keys["RS256"].token(exp=1)
    for token in [good, bad, "opaque-secret-value"]:
        gateway.get("/node/x?password=hunter2", token, {"Cookie": "session=cookie-secret"})
    gateway.get(f"/node/x?access_token={good}")
    log = gateway.process.output()
    for secret in [*good.split(".")[1:], *bad.split(".")[1:], "opaque-secret-value", "hunter2", "cookie-secret", "very-private-subject"]:
        assert secret not in log


def test_one_access_line_a_request(start_gateway, template, token):
    gateway = start_gateway(template)
    before = len(gateway.access_lines())
    gateway.get("/nginx/hello.txt", token)
    gateway.get("/nginx/hello.txt")
    lines = wait_until(lambda: (found := gateway.access_lines()[before:]) and len(found) >= 2 and found, 10, "two lines")
    assert len(lines) == 2
    assert {"200", "401"} == {str(line.get("status", line.get("fields", {}).get("status"))) for line in lines}


def test_metrics_are_clean_and_count(gateway, token):
    gateway.get("/nginx/hello.txt", token)
    gateway.get("/nginx/hello.txt")
    done = subprocess.run(["promtool", "check", "metrics"], input=gateway.metrics(), capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr
    assert gateway.metric("tollgate_http_requests_total", route="nginx", code="200") >= 1
    assert gateway.metric("tollgate_http_requests_total", route="nginx", code="401") >= 1
    assert gateway.metric("tollgate_token_validations_total", issuer="corp") >= 1
    assert gateway.metric("tollgate_keys", issuer="corp") == 6


def test_labels_do_not_grow_with_what_clients_send(gateway, token):
    before = len(gateway.metrics().splitlines())
    for number in range(50):
        gateway.get(f"/made-up-{number}/x", token, {"User-Agent": f"agent-{number}", "Host": f"host-{number}.example"})
    assert len(gateway.metrics().splitlines()) <= before + 10
    assert "made-up" not in gateway.metrics() and "agent-1" not in gateway.metrics()


def test_a_real_prometheus_scrapes_it(gateway, token, tmp_path):
    for _ in range(3):
        gateway.get("/nginx/hello.txt", token)
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(f"""
global: {{ scrape_interval: 1s, scrape_timeout: 1s }}
scrape_configs:
  - job_name: tollgate
    static_configs: [{{ targets: ["127.0.0.1:{gateway.admin_port}"] }}]
""")
    server = Process("prometheus", ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                                    f"--web.listen-address=127.0.0.1:{port}"], tmp_path)
    try:
        server.wait_for_port(port, 30)

        def query(expression):
            from urllib.parse import quote
            status, _, body = fetch(f"http://127.0.0.1:{port}/api/v1/query?query={quote(expression)}")
            result = json.loads(body)["data"]["result"] if status == 200 else []
            return [float(sample["value"][1]) for sample in result]

        assert wait_until(lambda: query('up{job="tollgate"} == 1'), 30, "a successful scrape") == [1.0]
        assert sum(query('tollgate_http_requests_total{route="nginx",code="200"}')) >= 3
        assert sum(query("tollgate_token_validation_duration_seconds_count")) >= 1
        assert query("histogram_quantile(0.5, sum by (le) (tollgate_token_validation_duration_seconds_bucket))")
    finally:
        server.stop()
