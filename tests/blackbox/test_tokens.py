"""Tokens made by PyJWT: the good pass, every bad one is refused with the same words."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from conftest import issuer_block, listeners, routes
from jose import UNSET, Issuer, SigningKey


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_every_algorithm_of_another_library_verifies(gateway, keys, algorithm):
    good = keys[algorithm].token()
    for _ in range(2):  # the second time from memory
        assert gateway.get("/nginx/hello.txt", good)[0] == 200


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


def unsigned(key):
    return f"{b64({'alg': 'none'})}.{key.token().split('.')[1]}."


def public_key_as_secret(key):
    content = f"{b64({'alg': 'HS256', 'kid': key.kid})}.{key.token().split('.')[1]}"
    return f"{content}.{b64(hmac.new(key.public_pem(), content.encode(), hashlib.sha256).digest())}"


def tampered(key):
    head, _, signature = key.token().split(".")
    _, claims, _ = key.token(sub="root", roles=["admin"]).split(".")
    return f"{head}.{claims}.{signature}"


def stranger(key):
    return SigningKey(key.kid, key.algorithm).token()


BAD = {
    "expired": lambda key: key.token(exp=int(time.time()) - 3600),
    "without expiry": lambda key: key.token(exp=UNSET),
    "not yet valid": lambda key: key.token(nbf=int(time.time()) + 3600),
    "another audience": lambda key: key.token(aud="elsewhere"),
    "without audience": lambda key: key.token(aud=UNSET),
    "another issuer": lambda key: key.token(iss="https://other.example"),
    "issuer with a slash": lambda key: key.token(iss="https://issuer.example/"),
    "too long a life": lambda key: key.token(exp=int(time.time()) + 90 * 86400),
    "unknown critical header": lambda key: key.token(headers={"crit": ["x"], "x": 1}),
    "another kind of token": lambda key: key.token(headers={"typ": "logout+jwt"}),
    "unknown key id": lambda key: key.token(headers={"kid": "nobody"}),
    "no signature": unsigned,
    "public key as HMAC secret": public_key_as_secret,
    "claims exchanged": tampered,
    "signed by a stranger": stranger,
    "signature cut": lambda key: key.token()[:-10],
    "four parts": lambda key: key.token() + ".x",
    "not a token": lambda _: "hello",
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_token_is_refused_and_told_nothing(gateway, keys, fault):
    status, headers, body = gateway.get("/node/x", BAD[fault](keys["RS256"]))
    assert status == 401, body
    assert 'error="invalid_token"' in headers["WWW-Authenticate"]
    assert "node" not in body.decode()


def test_two_authorization_lines_are_refused(gateway, token):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", gateway.plain_port, timeout=10)
    connection.putrequest("GET", "/node/x")
    connection.putheader("Authorization", f"Bearer {token}")
    connection.putheader("Authorization", "Bearer other")
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_a_token_in_the_query_or_a_cookie_is_not_looked_at(gateway, token):
    assert gateway.get(f"/node/x?access_token={token}")[0] == 401
    assert gateway.get("/node/x", headers={"Cookie": f"access_token={token}"})[0] == 401


def test_policy_is_asked_after_the_token(gateway, keys):
    status, headers, _ = gateway.get("/nginx/admin/secret.txt", keys["ES256"].token())
    assert status == 403 and "admin" not in headers.get("WWW-Authenticate", ""), "no list of what would do"
    assert gateway.get("/nginx/admin/secret.txt", keys["ES256"].token(roles=["user", "admin"]))[0] == 200


def test_rotation_loses_no_request(start_gateway, servers):
    first, second = SigningKey("first", "ES256"), SigningKey("second", "ES256")
    issuer = Issuer([first])
    try:
        gateway = start_gateway(listeners() + issuer_block(issuer.url) + routes({"nginx": servers["nginx"]}))
        assert gateway.get("/nginx/hello.txt", first.token())[0] == 200
        issuer.keys = [first, second]
        assert gateway.get("/nginx/hello.txt", second.token())[0] == 200, "an unknown key id is looked up"
        assert gateway.get("/nginx/hello.txt", first.token())[0] == 200
    finally:
        issuer.stop()


def test_a_flood_of_unknown_key_ids_is_not_passed_on(start_gateway, servers):
    key = SigningKey("only", "ES256")
    issuer = Issuer([key])
    try:
        gateway = start_gateway(listeners() + issuer_block(issuer.url) + routes({"nginx": servers["nginx"]}))
        before = issuer.fetches
        for number in range(50):
            assert gateway.get("/nginx/hello.txt", key.token(headers={"kid": f"made-up-{number}"}))[0] == 401
        assert issuer.fetches - before <= 2
        assert gateway.get("/nginx/hello.txt", key.token())[0] == 200
    finally:
        issuer.stop()


def test_an_issuer_that_breaks_does_not_break_known_keys(start_gateway, servers):
    key = SigningKey("only", "ES256")
    issuer = Issuer([key])
    gateway = start_gateway(listeners() + issuer_block(issuer.url) + routes({"nginx": servers["nginx"]}))
    issuer.broken = True
    assert gateway.get("/nginx/hello.txt", key.token())[0] == 200
    issuer.stop()
    assert gateway.get("/nginx/hello.txt", key.token())[0] == 200


def test_one_issuer_that_is_down_is_503_and_the_other_serves(start_gateway, servers, issuer, keys):
    from process import free_port
    down = issuer_block(f"http://127.0.0.1:{free_port()}/jwks.json", "down", "https://down.example")
    text = listeners() + issuer_block(issuer.url) + down + routes({"node": servers["node"]})
    text = text.replace('upstream = "node"', 'upstream = "node"\nissuers = ["corp", "down"]\n'
                        'identity_headers = { X-User-Id = "sub", X-User-Issuer = "iss" }')
    # An anonymous route has neither.
    head, tail = text.rsplit("[[route]]", 1)
    tail = "\n".join(line for line in tail.splitlines() if not line.startswith(("issuers", "identity_headers")))
    gateway = start_gateway(head + "[[route]]" + tail, ready=False)
    gateway.process.wait_for_port(gateway.plain_port)
    assert gateway.get("/node/x", keys["RS256"].token())[0] == 200
    status, headers, _ = gateway.get("/node/x", keys["RS256"].token(iss="https://down.example"))
    assert status == 503 and headers["Retry-After"]
