"""One sign-in at two applications, over TLS, with a real cookie jar; and what Prometheus sees of it."""

import json
import ssl
import subprocess
import time

import httpx
import pytest

from process import wait_until

ORDERS, BILLING = "3c219e58-ed0e-4b18-ad48-f4f92793ae01", "3c219e58-ed0e-4b18-ad48-f4f92793ae02"
KEY = "key-of-the-tests-that-may-do-everything-0123"
PASSWORD = "correct horse battery staple"

CONFIGURATION = """
[[listener]]
name = "tls"
address = "127.0.0.1:@TLS@"
tls = { certificate = "tls.crt", private_key = "tls.key" }

[[listener]]
name = "plain"
address = "127.0.0.1:@PLAIN@"

[admin]
address = "127.0.0.1:@ADMIN@"

[store]
url = "sqlite://store/tollgate.db"
encryption_key_file = "store/tollgate.key"

[authority]
issuer = "https://auth.example.com"
host = "auth.example.com"
cookie_domain = "example.com"
access_token_lifetime = "2s"

[[application]]
id = "3c219e58-ed0e-4b18-ad48-f4f92793ae01"
name = "orders"

[[application]]
id = "3c219e58-ed0e-4b18-ad48-f4f92793ae02"
name = "billing"
refresh_token_usage = "one-time"

[[api_key]]
name = "tests"
key_file = "api.key"
permissions = "all"

[[upstream]]
name = "echo"
servers = ["@ECHO@"]

[[route]]
name = "orders"
host = "orders.example.com"
path = "/"
upstream = "echo"
application = "orders"

[[route]]
name = "billing"
host = "billing.example.com"
path = "/"
upstream = "echo"
application = "billing"
authorization = "exchanged"
"""


class Site:
    def __init__(self, gateway):
        self.gateway = gateway
        self.programs = self.client()

    def client(self):
        """A client whose every name is this machine's, with a jar of its own."""
        transport = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=self.gateway.cafile))
        port = self.gateway.tls_port

        class Here(httpx.BaseTransport):
            def handle_request(self, request):
                # Another request, so that the jar knows the answer by the name that was asked.
                here = request.url.copy_with(host="127.0.0.1", port=port)
                extensions = {**request.extensions, "sni_hostname": request.url.host}
                return transport.handle_request(
                    httpx.Request(request.method, here, headers=request.headers, stream=request.stream, extensions=extensions))

        return httpx.Client(transport=Here(), timeout=20)

    def manage(self, method, path, body=None):
        answer = self.programs.request(method, "https://auth.example.com" + path, json=body, headers={"Authorization": KEY})
        assert answer.status_code == 200, answer.text
        return answer

    def sign_in(self, application):
        """A browser that has just signed in."""
        browser = self.client()
        body = {"loginId": "ann@example.com", "password": PASSWORD, "applicationId": application}
        answer = browser.post("https://auth.example.com/api/login", json=body, headers={"Authorization": KEY})
        assert answer.status_code == 200, answer.text
        return browser, answer.json()


@pytest.fixture
def site(start_gateway, servers, tmp_path):
    folder = tmp_path / "gateway"
    (folder / "store").mkdir(parents=True)
    (folder / "store").chmod(0o700)
    (folder / "api.key").write_text(KEY)
    (folder / "api.key").chmod(0o600)
    site = Site(start_gateway(CONFIGURATION.replace("@ECHO@", servers["python"].url)))
    user = site.manage("POST", "/api/user", {"user": {"email": "ann@example.com", "password": PASSWORD}}).json()["user"]["id"]
    for application in (ORDERS, BILLING):
        site.manage("POST", f"/api/user/registration/{user}", {"registration": {"applicationId": application}})
    site.user = user
    return site


def test_a_cookie_jar_walks_two_applications_over_expiries_and_is_signed_out_of_both(site):
    for application in (ORDERS, BILLING):
        browser, _ = site.sign_in(application)
        for _ in range(3):
            for host in ("orders", "billing"):
                answer = browser.get(f"https://{host}.example.com/python/hello.txt")
                assert answer.status_code == 200, (host, answer.text)
            time.sleep(1.5)
        site.manage("DELETE", f"/api/jwt/refresh?userId={site.user}")
        for host in ("orders", "billing"):
            assert browser.get(f"https://{host}.example.com/python/hello.txt").status_code == 401


def test_what_it_does_is_what_prometheus_reads(site):
    gateway = site.gateway
    browser, tokens = site.sign_in(ORDERS)
    header = {"Authorization": f"Bearer {tokens['token']}"}
    for _ in range(3):
        assert site.client().get("https://billing.example.com/python/hello.txt", headers=header).status_code == 200
    assert gateway.metric("tollgate_tokens_issued_total", application="orders", kind="login") == 1
    assert gateway.metric("tollgate_tokens_issued_total", application="billing", kind="sso") == 1
    assert gateway.metric("tollgate_token_validations_total", issuer="authority", result="accepted") >= 3
    assert gateway.metric("tollgate_token_cache_hits_total") >= 2
    time.sleep(2.1)
    assert browser.get("https://orders.example.com/python/hello.txt").status_code == 200
    assert gateway.metric("tollgate_tokens_issued_total", application="orders", kind="refresh") == 1
    site.manage("DELETE", f"/api/jwt/refresh?userId={site.user}")
    assert browser.get("https://orders.example.com/python/hello.txt").status_code == 401
    assert gateway.metric("tollgate_revocations_total", scope="user", origin="api") >= 1
    assert gateway.metric("tollgate_revocation_rejections_total", scope="user") >= 1
    assert gateway.metric("tollgate_revocation_entries") >= 1
    wait_until(lambda: gateway.metric("tollgate_revocation_lag_seconds") < 2, 10, "a log that is followed")
    assert gateway.metric("tollgate_refresh_reuse_detected_total") == 0
    done = subprocess.run(["promtool", "check", "metrics"], input=gateway.metrics(), capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr
    for secret in (tokens["token"].split(".")[2], tokens["refreshToken"], site.user, "ann@example.com"):
        assert secret not in gateway.metrics()
        assert secret not in json.dumps(gateway.access_lines()) or secret == site.user
