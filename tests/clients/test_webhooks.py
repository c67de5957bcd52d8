"""Events as an unrelated library reads them (PyJWT): the signature over the very body, by the published key set."""

import base64
import hashlib
import http.server
import json
import queue
import threading

import jwt

from conftest import Http, People
from server import APP, KEY, Server

WEBHOOK = """
[[webhook]]
url = "{url}"
events = ["jwt.refresh-token.revoke", "jwt.refresh"]
"""


class Receiver:
    """Takes every event; `take` gives the next with its signature."""

    def __init__(self):
        received = self.received = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.put((body, self.headers["X-FusionAuth-Signature-JWT"], self.headers["Content-Type"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self):
        return self.received.get(timeout=10)


def verified(taken, key_set):
    """The event, after the library has verified its signature."""
    body, signature, media_type = taken
    header = jwt.get_unverified_header(signature)
    assert set(header) == {"alg", "kid", "typ"} and header["alg"] == "ES256" and media_type == "application/json"
    claims = jwt.decode(signature, jwt.PyJWK(key_set[header["kid"]]), algorithms=["ES256"])
    assert claims == {"request_body_sha256": base64.b64encode(hashlib.sha256(body).digest()).decode()}
    return json.loads(body)["event"]


def test_signed_events_of_a_refresh_and_a_revocation(tmp_path):
    receiver = Receiver()
    server = Server(tmp_path, WEBHOOK.format(url=receiver.url))
    try:
        people, ask = People(server), Http(server.url)
        person = people.session("shop")
        assert people.renews(person.refresh_token)
        ask("DELETE", f"/api/jwt/refresh/{person.refresh_token_id}", key=KEY["all"]).raise_for_status()
        key_set = {key["kid"]: key for key in ask("GET", "/.well-known/tollgate-webhook.json").json()["keys"]}
        refreshed, revoked = (verified(receiver.take(), key_set) for _ in range(2))
        assert (refreshed["type"], revoked["type"]) == ("jwt.refresh", "jwt.refresh-token.revoke")
        assert refreshed["userId"] == revoked["userId"] == revoked["user"]["id"] == person.id
        assert revoked["applicationTimeToLiveInSeconds"] == {APP["shop"]: 3600}
        assert revoked["refreshToken"]["id"] == person.refresh_token_id
        of_tokens = {key["kid"] for key in ask("GET", "/.well-known/jwks.json").json()["keys"]}
        assert not of_tokens & set(key_set)
    finally:
        server.stop()


def test_the_key_set_of_a_gateway_without_webhooks_is_empty(http):
    assert http("GET", "/.well-known/tollgate-webhook.json").json() == {"keys": []}
