"""Fixtures: one server for all tests, both official clients, users to work with, and a look at every exchange: whatever a
test does, what went over the wire must be as openapi.yaml says."""

import pathlib
import sys
import types
import uuid

import httpx
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from drivers import PythonClient, TypeScriptClient  # noqa: E402
from recorder import Recorder  # noqa: E402
from server import APP, KEY, TENANT, Server  # noqa: E402
from surface import Surface  # noqa: E402

PASSWORD = "correct horse battery"


def pytest_collection_modifyitems(items):
    # What was seen of the surface is judged when everything was.
    items.sort(key=lambda item: "test_surface_seen" in item.nodeid)


@pytest.fixture(scope="session")
def surface():
    return Surface()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def strict_server(tmp_path_factory):
    """Another one: with a tenant, an RSA key, and values in a user's own list of refresh tokens."""
    server = Server(tmp_path_factory.mktemp("strict"),
                    f'tenant_id = "{TENANT}"\nown_list_shows_tokens = true\nsigning_algorithm = "RS256"\nlogin_attempts = 3')
    yield server
    server.stop()


@pytest.fixture(scope="session")
def recorder(server):
    recorder = Recorder(server.port)
    yield recorder
    recorder.stop()


@pytest.fixture(scope="session")
def strict_recorder(strict_server):
    recorder = Recorder(strict_server.port)
    yield recorder
    recorder.stop()


@pytest.fixture(autouse=True)
def wire(request, surface):
    """Checks every exchange of the test."""
    names = [name for name in ("recorder", "strict_recorder") if name in request.fixturenames]
    recorders = [request.getfixturevalue(name) for name in names]
    for recorder in recorders:
        recorder.take()
    before = [len(recorder.exchanges) for recorder in recorders]
    yield
    for recorder, start in zip(recorders, before):
        recorder.take()
        for exchange in recorder.exchanges[start:]:
            surface.check(exchange)


@pytest.fixture(scope="session")
def clients(recorder):
    clients = {client.name: client for client in (PythonClient(recorder.url), TypeScriptClient(recorder.url))}
    yield clients
    for client in clients.values():
        client.stop()


@pytest.fixture(params=["python", "typescript"])
def client(request, clients):
    return clients[request.param]


@pytest.fixture
def last(recorder):
    """The last exchange, for what a client does not show: headers and cookies."""
    return lambda: recorder.take()[-1]


class Http:
    """Requests as somebody writes them by hand: no header that was not asked for, no cookie kept."""

    def __init__(self, url):
        self.url = url

    def __call__(self, method, target, key=None, bearer=None, headers=None, **options):
        headers = dict(headers or {})
        if key is not None:
            headers["Authorization"] = key
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        return httpx.request(method, self.url + target, headers=headers, trust_env=False, timeout=20, **options)


@pytest.fixture(scope="session")
def http(recorder):
    return Http(recorder.url)


@pytest.fixture(scope="session")
def strict_http(strict_recorder):
    return Http(strict_recorder.url)


class People:
    """Makes users, and signs them in. Behind the recorder's back: what a test prepares is not what it tests."""

    def __init__(self, server):
        self.http = Http(server.url)

    def add(self, *applications, roles=None, password=PASSWORD, **members):
        """A new user, registered with these applications."""
        email = f"{uuid.uuid4().hex}@example.com"
        body = {"user": {"email": email, "password": password, **members}}
        user = self.http("POST", "/api/user", key=KEY["all"], json=body).raise_for_status().json()["user"]
        person = types.SimpleNamespace(id=user["id"], email=user.get("email"), password=password, name=members.get("username"))
        for name in applications:
            registration = {"applicationId": APP[name], "roles": (roles or {}).get(name, [])}
            self.http("POST", f"/api/user/registration/{person.id}", key=KEY["all"],
                      json={"registration": registration}).raise_for_status()
        return person

    def sign_in(self, person, application=None, **members):
        """The LoginResponse of a new session."""
        body = {"loginId": person.email, "password": person.password, **members}
        if application:
            body["applicationId"] = APP[application]
        return self.http("POST", "/api/login", key=KEY["all"], json=body).raise_for_status().json()

    def session(self, *applications, **options):
        """A new user who is signed in to the first of these applications."""
        person = self.add(*applications, **options)
        answer = self.sign_in(person, applications[0])
        person.token, person.refresh_token = answer["token"], answer.get("refreshToken")
        person.refresh_token_id = answer.get("refreshTokenId")
        return person

    def is_good(self, token):
        return self.http("GET", "/api/jwt/validate", bearer=token).status_code == 200

    def renews(self, refresh_token):
        status = self.http("POST", "/api/jwt/refresh", json={"refreshToken": refresh_token}).status_code
        assert status in (200, 401)
        return status == 200


@pytest.fixture(scope="session")
def people(server):
    return People(server)


@pytest.fixture(scope="session")
def strict_people(strict_server):
    return People(strict_server)
