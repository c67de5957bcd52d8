"""Keys and tokens by libraries that share no code with the gateway (PyJWT, cryptography), and an issuer that serves
the keys over HTTP and can be rotated, broken and brought back."""

import http.server
import json
import threading
import time
import uuid

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.example"
AUDIENCE = "gateway.example.com"
UNSET = object()


class SigningKey:
    """A private key with its key id and one algorithm."""

    def __init__(self, kid, algorithm):
        self.kid, self.algorithm = kid, algorithm
        if algorithm.startswith(("RS", "PS")):
            self.private, self._jwk = rsa.generate_private_key(65537, 2048), RSAAlgorithm
        elif algorithm == "EdDSA":
            self.private, self._jwk = ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm
        else:
            curve = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}[algorithm]
            self.private, self._jwk = ec.generate_private_key(curve()), ECAlgorithm

    def jwk(self):
        members = self._jwk.to_jwk(self.private.public_key(), as_dict=True)
        return {**members, "kid": self.kid, "alg": self.algorithm, "use": "sig"} | {"key_ops": ["verify"]}

    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(serialization.Encoding.PEM,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)

    def token(self, headers=None, **claims):
        """A good token unless `claims` says otherwise; a claim set to UNSET is left out."""
        now = int(time.time())
        content = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "email": "one@example.com", "iat": now, "exp": now + 600,
                   "jti": str(uuid.uuid4()), "roles": ["user"], "scope": "read write", **claims}
        content = {name: value for name, value in content.items() if value is not UNSET}
        return jwt.encode(content, self.private, self.algorithm, headers={"kid": self.kid, **(headers or {})})


class Issuer:
    """Serves a key set; `keys` may be replaced at any time."""

    def __init__(self, keys):
        self.keys, self.broken, self.fetches = list(keys), False, 0
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                issuer.fetches += 1
                body = json.dumps({"keys": [key.jwk() for key in issuer.keys]}).encode()
                self.send_response(500 if issuer.broken else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
