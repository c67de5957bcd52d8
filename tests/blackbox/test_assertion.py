"""The checks of docs/assertion.md, as they stand there, on assertions that a gateway signed and on ones that are not good."""

import hashlib
import json
import pathlib
import re
import subprocess
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from process import fetch

ROOT = pathlib.Path(__file__).parents[2]
NODE_MODULES = pathlib.Path(__file__).parent / "node" / "node_modules"
ISSUER = "https://auth.example.com"
APPLICATION = "3c219e58-ed0e-4b18-ad48-f4f92793ae32"
API_KEY = "key-that-may-do-everything-000000000000000000"
TARGET = "/orders/a%2Db?x=%20&y=?z"
TYPE = "tollgate-assertion+jwt"


def snippet(language, url):
    """The only block of this language, asking the gateway at `url`."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "assertion.md").read_text(), flags=re.S)
    assert len(blocks) == 1
    place = f"{ISSUER}/.well-known"
    assert place in blocks[0]
    return blocks[0].replace(place, f"{url}/.well-known")


def configuration(listeners, server):
    return f"""{listeners}
[store]
url = "sqlite://tollgate.db"
encryption_key_file = "tollgate.key"

[authority]
issuer = "{ISSUER}"
host = "127.0.0.1"

[[application]]
name = "orders"
id = "{APPLICATION}"
roles = [{{ name = "user", default = true }}]

[[api_key]]
name = "all"
sha256 = "{hashlib.sha256(API_KEY.encode()).hexdigest()}"
permissions = "all"

[[upstream]]
name = "orders"
servers = ["{server}"]

[[upstream]]
name = "billing"
servers = ["{server}"]

[[route]]
name = "orders"
path = "/orders"
upstream = "orders"
application = "orders"
assertion = true

[[route]]
name = "billing"
path = "/billing"
upstream = "billing"
application = "orders"
assertion = true
"""


class Ground:
    """A gateway, and requests as its backend received them."""

    def __init__(self, gateway):
        self.gateway, self.host = gateway, f"127.0.0.1:{gateway.plain_port}"
        user = {"user": {"email": "ann@example.com", "password": "correct horse battery"}, "registration": {"applicationId": APPLICATION}}
        self.api("/api/user/registration", user)
        login = {"loginId": "ann@example.com", "password": "correct horse battery", "applicationId": APPLICATION}
        self.token = self.api("/api/login", login)["token"]

    def api(self, path, body):
        headers = {"Authorization": API_KEY, "Content-Type": "application/json"}
        status, _, answer = fetch(self.gateway.plain + path, method="POST", headers=headers, data=json.dumps(body).encode())
        assert status == 200, answer
        return json.loads(answer)

    def assertion(self, target):
        """The assertion about a GET of this target."""
        received = self.gateway.received(target, self.token)
        assert (received["method"], received["target"]) == ("GET", target)
        headers = {name.lower(): value for name, value in received["headers"]}
        assert headers["host"] == self.host
        return headers["x-tollgate-assertion"]


@pytest.fixture(scope="module")
def ground(servers, tmp_path_factory):
    from conftest import listeners
    from gateway import Gateway

    gateway = Gateway(tmp_path_factory.mktemp("assertion"), configuration(listeners(), servers["node"].url))
    try:
        yield Ground(gateway.start())
    finally:
        gateway.stop()


class Python:
    def __init__(self, folder, url):
        self.names = {}
        exec(compile(snippet("python", url), "assertion.md", "exec"), self.names)

    def check(self, *request):
        try:
            return self.names["check"](*request)
        except jwt.PyJWTError:
            return None


class Node:
    MAIN = """
import { check } from './check.mjs'
const request = JSON.parse(process.argv[2])
try { console.log(JSON.stringify(await check(...request))) } catch (error) { console.error(error.code ?? error.message); console.log('null') }
"""

    def __init__(self, folder, url):
        self.folder = folder
        (folder / "node_modules").symlink_to(NODE_MODULES)
        (folder / "check.mjs").write_text(snippet("javascript", url))
        (folder / "main.mjs").write_text(self.MAIN)

    def check(self, *request):
        done = subprocess.run(["node", "main.mjs", json.dumps(request)], cwd=self.folder, capture_output=True, text=True, timeout=60, check=True)
        assert "ERR_MODULE" not in done.stderr, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(params=[Python, Node], ids=["python", "node"])
def checker(request, tmp_path, ground):
    return request.param(tmp_path, ground.gateway.plain)


def test_a_real_assertion_is_good_for_its_request_alone(checker, ground):
    assertion = ground.assertion(TARGET)
    claims = checker.check(assertion, "GET", ground.host, TARGET)
    assert claims["email"] == "ann@example.com" and claims["roles"] == ["user"] and claims["sub_id"]["iss"] == ISSUER
    for method, host, target in [("POST", ground.host, TARGET), ("GET", "orders.example.com", TARGET), ("GET", ground.host, "/orders/a-b?x=%20&y=?z"),
                                 ("GET", ground.host, "/orders/a%2Db"), ("GET", ground.host, "/orders/other?x=%20&y=?z")]:
        assert checker.check(assertion, method, host, target) is None, (method, host, target)
    assert checker.check(ground.assertion("/orders"), "GET", ground.host, "/orders")


def test_an_assertion_for_another_backend_is_refused(checker, ground):
    assert checker.check(ground.assertion("/billing"), "GET", ground.host, "/billing") is None


def test_what_the_gateway_did_not_sign_as_an_assertion_is_refused(checker, ground):
    real = ground.assertion(TARGET)
    header, claims = jwt.get_unverified_header(real), jwt.decode(real, options={"verify_signature": False})
    mallory = ec.generate_private_key(ec.SECP256R1())

    def forged(key=mallory, algorithm="ES256", kid=header["kid"], **changed):
        return jwt.encode(claims | changed, key, algorithm, headers={"kid": kid, "typ": TYPE})

    head, body, signature = real.split(".")
    changed = jwt.utils.base64url_encode(json.dumps(claims | {"sub": "admin"}).encode()).decode()
    none = jwt.utils.base64url_encode(json.dumps({"alg": "none", "typ": TYPE, "kid": header["kid"]}).encode()).decode()
    secret = hashlib.sha512(header["kid"].encode()).digest()
    bad = [forged(), forged(kid="unknown"), forged(secret, "HS512"), f"{head}.{changed}.{signature}", f"{none}.{body}.", "", ground.token]
    for assertion in bad:
        assert checker.check(assertion, "GET", ground.host, TARGET) is None, assertion


class Backdated:
    """A key set of our own, to sign what a gateway would not: the same claims out of their time, or with something missing."""

    def __init__(self, keys):
        self.key = keys["ES256"]

    def sign(self, host, typ=TYPE, **changed):
        now = int(time.time())
        content = {"iss": ISSUER, "aud": "orders", "sub": "ann", "iat": now, "exp": now + 60, "method": "GET", "host": host, "path": "/orders", "query": ""}
        content = {name: value for name, value in (content | changed).items() if value is not None}
        return jwt.encode(content, self.key.private, "ES256", headers={"kid": self.key.kid, "typ": typ})


@pytest.mark.parametrize("language", [Python, Node], ids=["python", "node"])
def test_each_claim_counts(language, tmp_path, keys):
    from jose import Issuer

    signer, published = Backdated(keys), Issuer([keys["ES256"]])
    try:
        base = published.url.rsplit("/", 1)[0]
        checker = language(tmp_path, base)
        good = checker.check(signer.sign("h"), "GET", "h", "/orders")
        assert good and good["sub"] == "ann"
        now = int(time.time())
        for change in [{"exp": now - 30, "iat": now - 90}, {"exp": None}, {"iss": "https://other.example"}, {"aud": "billing"}, {"aud": None},
                       {"sub": None}, {"typ": "JWT"}, {"typ": "at+jwt"}, {"method": None}, {"query": None}, {"path": "/"}]:
            assert checker.check(signer.sign("h", **change), "GET", "h", "/orders") is None, change
    finally:
        published.stop()
