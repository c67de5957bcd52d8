"""The program under test with everything that the token API has: applications of every kind, keys with every permission,
a partner whose tokens are reconciled."""

import pathlib
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "blackbox"))

from gateway import BINARY  # noqa: E402
from jose import UNSET, SigningKey  # noqa: E402
from process import Process, fetch, free_port, wait_until  # noqa: E402

ISSUER = "https://auth.example.com"
TENANT = "9ad3e9b0-3c4e-4a8e-9c55-6a9d43a1f5f0"
PROVIDER = "0c5ecd6e-a55f-4d3c-8236-f26a966392ea"
PARTNER = "https://login.partner.example"
SECRET = "a secret of the old shop: at least 32 bytes"

# name: (id, settings). What is not said is the default: single sign-on open, refresh tokens made and taken.
APPLICATIONS = {
    "shop": ("3c219e58-ed0e-4b18-ad48-f4f92793ae32", 'roles = [{ name = "admin" }, { name = "user", default = true }]'),
    "wiki": ("10000000-0000-4000-8000-000000000002", 'roles = [{ name = "editor" }]'),
    "sliding": ("10000000-0000-4000-8000-000000000003", 'refresh_token_expiration = "sliding"'),
    "closed": ("10000000-0000-4000-8000-000000000004", "single_sign_on = false"),
    "listed": ("10000000-0000-4000-8000-000000000005", 'single_sign_on = ["shop"]'),
    "brief": ("10000000-0000-4000-8000-000000000006",
              'generate_refresh_tokens = false\naccess_token_lifetime = "2s"'),
    "unrenewed": ("10000000-0000-4000-8000-000000000007", "allow_token_refresh = false"),
    "one-time": ("10000000-0000-4000-8000-000000000008", 'refresh_token_usage = "one-time"\none_time_grace = "1s"'),
    "public": ("10000000-0000-4000-8000-000000000009", "login_requires_api_key = false"),
    "rs256": ("20000000-0000-4000-8000-000000000001", 'signing_algorithm = "RS256"'),
    "ps256": ("20000000-0000-4000-8000-000000000002", 'signing_algorithm = "PS256"'),
    "es256": ("20000000-0000-4000-8000-000000000003", 'signing_algorithm = "ES256"'),
    "es384": ("20000000-0000-4000-8000-000000000004", 'signing_algorithm = "ES384"'),
    "eddsa": ("20000000-0000-4000-8000-000000000005", 'signing_algorithm = "EdDSA"'),
    "hs256": ("20000000-0000-4000-8000-000000000006",
              'single_sign_on = false\nsigning_algorithm = "HS256"\nsigning_secret_file = "old-shop.secret"'),
}
APP = {name: identity for name, (identity, _) in APPLICATIONS.items()}

# name: (the key, its permissions, further settings)
API_KEYS = {
    "all": ("key-that-may-do-everything-000000000000000000", '"all"', ""),
    "shows": ("key-that-sees-refresh-tokens-0000000000000000", '{ "/api/jwt/refresh" = ["GET"] }', "show_refresh_tokens = true"),
    "reads": ("key-that-only-lists-refresh-tokens-0000000000", '{ "/api/jwt/refresh" = ["GET"] }', ""),
    "login": ("key-of-the-sign-in-page-00000000000000000000", '{ "/api/login" = ["POST"] }', ""),
    "none": ("key-without-any-permission-000000000000000000", "{}", ""),
}
KEY = {name: value for name, (value, _, _) in API_KEYS.items()}
UNKNOWN_KEY = "a-key-that-nobody-has-000000000000000000000000"


def configuration(port, authority=""):
    text = f"""
[[listener]]
name = "public"
address = "127.0.0.1:{port}"

[admin]
address = "off"

[log]
format = "json"
level = "info"
access = false

[store]
url = "sqlite://tollgate.db"
encryption_key_file = "tollgate.key"

[authority]
issuer = "{ISSUER}"
{authority}
"""
    for name, (identity, settings) in APPLICATIONS.items():
        text += f'\n[[application]]\nname = "{name}"\nid = "{identity}"\n{settings}\n'
    for name, (_, permissions, settings) in API_KEYS.items():
        text += f'\n[[api_key]]\nname = "{name}"\nkey_file = "{name}.key"\npermissions = {permissions}\n{settings}\n'
    return text + f"""
[[identity_provider]]
id = "{PROVIDER}"
name = "partner-login"
issuer = "{PARTNER}"
audiences = ["tollgate"]
algorithms = ["RS256"]
public_key_files = {{ "partner-1" = "partner.pem" }}
domains = ["partner.example"]
claim_map = {{ given_name = "firstName", department = "UserData" }}
applications = ["shop", {{ name = "wiki", create_registration = false }}]
"""


class Server:
    """`tollgate run` in a folder of its own, whose database is made there."""

    def __init__(self, folder: pathlib.Path, authority=""):
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.partner = SigningKey("partner-1", "RS256")
        (folder / "partner.pem").write_bytes(self.partner.public_pem())
        self.secret("old-shop.secret", SECRET)
        for name, (value, _, _) in API_KEYS.items():
            self.secret(f"{name}.key", value)
        (folder / "tollgate.toml").write_text(configuration(self.port, authority))
        log = folder / "log"
        log.mkdir()
        self.process = Process("tollgate", [BINARY, "run", "--config", folder / "tollgate.toml"], log,
                               env={"RUST_BACKTRACE": "1"}, cwd=folder)
        self.process.wait_for_port(self.port)
        wait_until(lambda: fetch(self.url + "/api/status")[0] == 200, 15, "readiness")

    def secret(self, name, value):
        (self.folder / name).write_text(value)
        (self.folder / name).chmod(0o600)

    def partner_token(self, **claims):
        """A good token of the partner, unless `claims` says otherwise."""
        content = {"iss": PARTNER, "aud": "tollgate", "email": f"{uuid.uuid4().hex}@partner.example", "email_verified": True,
                   "given_name": "Pat", "department": "sales", "roles": UNSET, "scope": UNSET, **claims}
        return self.partner.token(**content)

    def stop(self):
        code = self.process.stop()
        assert code == 0, f"exit code {code} after SIGTERM\n{self.process.output()[-4000:]}"
        assert "panicked" not in self.process.output(), self.process.output()[-4000:]
