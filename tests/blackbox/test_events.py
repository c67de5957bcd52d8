"""An event signed by PyJWT ends tokens that PyJWT signed."""

import base64
import hashlib
import json
import time
import uuid

import backends
import jwt
import pytest
from conftest import issuer_block, listeners, routes
from gateway import Gateway
from jose import Issuer, SigningKey
from process import fetch


@pytest.fixture
def site(tmp_path):
    """A gateway without a store, its issuer's key, and the key of webhooks in the same key set."""
    tokens, webhooks = SigningKey("tokens", "RS256"), SigningKey("webhooks", "ES256")
    issuer = Issuer([tokens, webhooks])
    events = "\n[issuer.events]\npath = \"/events/corp\"\n"
    (tmp_path / "backend").mkdir()
    backend = backends.python(tmp_path / "backend")
    gateway = Gateway(tmp_path, listeners() + issuer_block(issuer.url) + events + routes({"python": backend})).start()
    yield gateway, tokens, webhooks
    for server in (gateway, backend, issuer):
        server.stop()


def post(gateway, key, body, signed=None):
    """Posts `body` with a signature over it, or over `signed`."""
    digest = base64.b64encode(hashlib.sha256(signed or body).digest()).decode()
    signature = jwt.encode({"request_body_sha256": digest}, key.private, key.algorithm, headers={"kid": key.kid})
    headers = {"Content-Type": "application/json", "X-FusionAuth-Signature-JWT": signature}
    return fetch(gateway.admin + "/events/corp", method="POST", headers=headers, data=body)[0]


def test_an_event_signed_by_another_library_ends_a_user(site):
    gateway, tokens, webhooks = site
    one, two = tokens.token(sub="one"), tokens.token(sub="two")
    event = {"type": "jwt.refresh-token.revoke", "id": str(uuid.uuid4()), "createInstant": int(time.time() * 1000), "userId": "one",
             "applicationTimeToLiveInSeconds": {}, "user": {"id": "one", "email": "one@example.com"}}
    body = json.dumps({"event": event}, indent=2).encode()
    assert post(gateway, webhooks, body, signed=body + b" ") == 401
    assert post(gateway, SigningKey("webhooks", "ES256"), body) == 401
    assert [gateway.get("/python/hello.txt", token)[0] for token in (one, two)] == [200, 200]
    assert post(gateway, webhooks, body) == 200
    assert [gateway.get("/python/hello.txt", token)[0] for token in (one, two)] == [401, 200]
    assert gateway.metric("tollgate_webhook_events_received_total", issuer="corp", result="applied") == 1
