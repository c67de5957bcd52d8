"""`tollgate explain` beside a running gateway: the same configuration, the same request, the same answer."""

import json
import subprocess

import pytest
from conftest import issuer_block, listeners
from gateway import BINARY, Gateway
from jose import Issuer, SigningKey
from process import fetch

ROUTES = """
[[upstream]]
name = "up"
servers = ["http://127.0.0.1:1"]

[[route]]
name = "orders"
path = "/"
upstream = "up"

[[route]]
name = "orders-admin"
path = "/admin"
methods = ["GET"]
upstream = "up"
require = { roles = ["admin"] }

[[route]]
name = "public"
path = "/public"
upstream = "up"
anonymous = true
"""


@pytest.fixture(scope="module")
def key():
    return SigningKey("key-1", "ES256")


@pytest.fixture(scope="module")
def running(key, tmp_path_factory):
    issuer = Issuer([key])
    gateway = Gateway(tmp_path_factory.mktemp("explain"), listeners() + issuer_block(issuer.url) + ROUTES)
    (gateway.folder / "keys.json").write_text(json.dumps({"keys": [key.jwk()]}))
    try:
        yield gateway.start()
    finally:
        gateway.stop()
        issuer.stop()


def explain(gateway, *arguments, stdin=""):
    return subprocess.run([BINARY, "explain", "--config", gateway.path, *arguments], capture_output=True, text=True, timeout=60, input=stdin)


@pytest.mark.parametrize("method,path,claims", [
    ("GET", "/admin/x", {}),
    ("GET", "/admin/x", {"roles": ["admin"]}),
    ("DELETE", "/admin", {}),
    ("GET", "/", {"exp": 1}),
    ("GET", "/", {"aud": "somebody else"}),
    ("GET", "/", None),
    ("GET", "/public/..%2fadmin", {}),
    ("GET", "/%61dmin", {}),
    ("GET", "/public/", None),
])
def test_it_says_what_the_gateway_answers(running, key, method, path, claims):
    token = None if claims is None else key.token(**claims)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    status, _, body = fetch(running.plain + path, headers=headers, method=method)
    arguments = ["--method", method, "--url", running.plain + path, "--jwks", running.folder / "keys.json", "--json"]
    done = explain(running, *arguments, *(["--token", "-"] if token else []), stdin=(token or "") + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)["answer"]
    if answer["outcome"] == "forwarded":
        # There is no backend, so that a request that is let through ends so.
        assert (status, json.loads(body)["reason"]) == (502, "upstream_unreachable")
    else:
        assert (status, json.loads(body)["reason"]) == (answer["status"], answer["reason"])


def test_without_keys_it_says_that_they_are_fetched_and_shows_the_rest(running, key):
    done = explain(running, "--url", running.plain + "/admin", "--token", "-", stdin=key.token())
    assert done.returncode == 0
    for text in ["gateway fetches it from http://127.0.0.1:", "any of the roles admin", "answer: not known"]:
        assert text in done.stdout


def test_a_token_alone_is_judged_for_every_route(running, key):
    token = key.token(roles=["admin"])
    done = explain(running, "--token", "-", "--jwks", running.folder / "keys.json", stdin=f"Authorization: Bearer {token}\n")
    assert done.returncode == 0
    assert 'route "orders-admin": allowed' in done.stdout and done.stdout.endswith("answer: the token is accepted\n")
    assert token.rsplit(".")[-1] not in done.stdout


def test_nothing_a_token_says_moves_the_cursor(running, key):
    done = explain(running, "--token", "-", "--jwks", running.folder / "keys.json", stdin=key.token(sub="\x1b[2J\u202eecila"))
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout


@pytest.mark.parametrize("arguments", [[], ["--url", "nowhere"], ["--url", "http://localhost/", "--listener", "none"],
                                       ["--url", "http://localhost/", "--method", "G T"], ["--token", "a", "--jwks", "absent.json"]])
def test_bad_usage_is_exit_code_2(running, arguments):
    done = explain(running, *arguments)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_bad_configuration_is_exit_code_2(tmp_path):
    (tmp_path / "tollgate.toml").write_text('colour = "red"\n')
    done = subprocess.run([BINARY, "explain", "--config", tmp_path / "tollgate.toml", "--token", "a"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "colour" in done.stderr
