"""Fixtures: real backends once a session, a gateway in front of all of them once a session, and a factory for tests
that need a gateway of their own. Everything that was started is stopped, whatever happened."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import backends  # noqa: E402
from gateway import Gateway  # noqa: E402
from jose import AUDIENCE, ISSUER, Issuer, SigningKey  # noqa: E402

BACKENDS = ["nginx", "python", "node", "uvicorn"]


@pytest.fixture(scope="session")
def keys():
    return {algorithm: SigningKey(f"key-{algorithm}", algorithm) for algorithm in ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"]}


@pytest.fixture(scope="session")
def issuer(keys):
    issuer = Issuer(keys.values())
    yield issuer
    issuer.stop()


@pytest.fixture(scope="session", params=BACKENDS)
def backend_name(request):
    return request.param


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """Every backend, by name."""
    started = {}
    try:
        for name in BACKENDS:
            started[name] = getattr(backends, name)(tmp_path_factory.mktemp(name))
        yield started
    finally:
        for server in started.values():
            server.stop()


def listeners():
    return """
[[listener]]
name = "plain"
address = "127.0.0.1:@PLAIN@"

[[listener]]
name = "tls"
address = "127.0.0.1:@TLS@"
tls = { certificate = "tls.crt", private_key = "tls.key" }

[admin]
address = "127.0.0.1:@ADMIN@"

[log]
format = "json"
level = "info"
access = true
"""


def issuer_block(url, name="corp", issuer=ISSUER):
    return f"""
[[issuer]]
name = "{name}"
issuer = "{issuer}"
audiences = ["{AUDIENCE}"]
algorithms = ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"]
jwks_url = "{url}"
roles_claim = "/roles"
scope_claim = "/scope"
max_lifetime = "24h"
"""


def routes(servers):
    """A protected route for each backend under its name, with an administrators' part, and a public one."""
    text = ""
    for name, server in servers.items():
        text += f"""
[[upstream]]
name = "{name}"
servers = ["{server.url}"]

[[route]]
name = "{name}"
path = "/{name}"
upstream = "{name}"
upgrades = ["websocket"]

[[route]]
name = "{name}-admin"
path = "/{name}/admin"
upstream = "{name}"
require = {{ roles = ["admin"] }}

[[route]]
name = "{name}-public"
path = "/{name}/public"
upstream = "{name}"
anonymous = true
"""
    return text


@pytest.fixture(scope="session")
def template(servers, issuer):
    return listeners() + issuer_block(issuer.url) + routes(servers)


@pytest.fixture(scope="session")
def gateway(template, tmp_path_factory):
    """One gateway for all tests that do not change it; its end is a test too."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), template)
    try:
        yield gateway.start()
    finally:
        code = gateway.stop()
    assert code == 0, f"exit code {code} after SIGTERM\n{gateway.process.output()[-4000:]}"


@pytest.fixture
def start_gateway(tmp_path):
    """A factory of gateways for one test."""
    started = []

    def start(template, ready=True, folder="gateway", env=None):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        started.append(Gateway(place, template, env))
        return started[-1].start(ready)

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="session")
def token(keys):
    """A good token that nothing is wrong with."""
    return keys["RS256"].token()
