"""openapi.yaml against the server, operation by operation: nothing is served that it has not, and the refusals that
every operation has in common. What else it says is checked of every exchange of every test (see conftest.py)."""

import inspect
import re
import uuid

import openapi_spec_validator
import pytest
from fusionauth.fusionauth_client import FusionAuthClient

from server import KEY, TENANT, UNKNOWN_KEY
from surface import FORM, METHODS, Surface

SURFACE = Surface()
OPERATIONS = SURFACE.operations()


def params(operations):
    return [pytest.param(path, method, operation, id=operation["operationId"]) for path, method, operation in operations]


def target(path):
    return re.sub(r"\{\w+\}", lambda _: str(uuid.uuid4()), path)


def test_the_file_is_openapi():
    openapi_spec_validator.validate(SURFACE.document)
    identifiers = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("path", SURFACE.paths)
def test_a_path_takes_the_methods_of_the_file_and_no_others(http, path):
    for method in {name.upper() for name in METHODS} | {"HEAD", "OPTIONS", "PROPFIND"}:
        answer = http(method, target(path))
        assert (answer.status_code == 405) == (method not in SURFACE.allowed(path)), (method, answer.status_code)
        if answer.status_code == 405:
            assert {name.strip() for name in answer.headers["allow"].split(",")} == SURFACE.allowed(path)


def other_paths():
    """Every path that FusionAuth's client knows, and mistakes: without those of the file."""
    known = set(re.findall(r"\.uri\('(/[^']*)'\)", inspect.getsource(FusionAuthClient)))
    near = {f"{path.rstrip('/')}{end}" for path in SURFACE.paths if "{" not in path for end in ("/", "/x/y/z", "x")}
    known |= near | {"/", "/api", "/api/", "/api/jwt", "/api/jwt/issue/x", "/oauth2", "/.well-known", "/api/user-action",
                     "/api/jwt/refresh/a/b", f"/{TENANT}/.well-known/openid-configuration", "/oauth2/logout"}
    return sorted(path for path in known if SURFACE.path_of(path) is None)


def test_no_other_path_is_served(http):
    paths = other_paths()
    assert len(paths) > 100
    for path in paths:
        for method in ("GET", "POST"):
            answer = http(method, path, key=KEY["all"])
            # Of the gateway, which has no route there, or of the API, below a path of its own.
            assert answer.status_code == 404 and (not answer.content or answer.json()["reason"] == "no_route"), (method, path)


WITH_BODY = [entry for entry in OPERATIONS if "requestBody" in entry[2]]


@pytest.mark.parametrize("path, method, operation", params(WITH_BODY))
def test_a_body_of_another_type_is_415_and_a_huge_one_413(http, path, method, operation):
    for media_type in ("text/plain", "application/xml", None):
        headers = {"Content-Type": media_type} if media_type else {}
        answer = http(method, target(path), key=KEY["all"], content="{}", headers=headers)
        assert answer.status_code == 415 and "[unsupportedMediaType]" in answer.text
    for media_type in operation["requestBody"]["content"]:
        body = "a=" + "x" * 300_000 if media_type == FORM else '{"a":"' + "x" * 300_000 + '"}'
        answer = http(method, target(path), key=KEY["all"], content=body, headers={"Content-Type": media_type})
        assert answer.status_code == 413 and "[tooLarge]" in answer.text


@pytest.mark.parametrize("path, method, operation", params(OPERATIONS))
def test_a_parameter_twice_is_400(http, path, method, operation):
    answer = http(method, target(path) + "?a=1&b=2&a=1", key=KEY["all"])
    assert answer.status_code == 400 and "[duplicate]a" in answer.text


@pytest.mark.parametrize("path, method, operation", params(OPERATIONS))
def test_another_tenant_is_404_and_ones_own_or_none_is_not(strict_http, http, path, method, operation):
    tenant = lambda value: {"X-FusionAuth-TenantId": value}  # noqa: E731
    for other in (str(uuid.uuid4()), "x"):
        answer = strict_http(method, target(path), key=KEY["all"], headers=tenant(other))
        assert (answer.status_code, answer.content) == (404, b"")
    plain = strict_http(method, target(path), key=KEY["all"]).status_code
    for own in (TENANT, TENANT.upper(), ""):
        assert strict_http(method, target(path), key=KEY["all"], headers=tenant(own)).status_code == plain
    # Without a tenant of its own, any is ignored.
    plain = http(method, target(path), key=KEY["all"]).status_code
    assert http(method, target(path), key=KEY["all"], headers=tenant(str(uuid.uuid4()))).status_code == plain


@pytest.mark.parametrize("path, method, operation", params(entry for entry in OPERATIONS if {} not in entry[2]["security"]))
def test_without_a_credential_that_is_documented_it_is_401(http, path, method, operation):
    kinds = {name for entry in operation["security"] for name in entry}
    for key in [None, "", "Bearer bad", "JWT bad", "Basic YXBpa2V5Ong=", UNKNOWN_KEY, KEY["none"]]:
        assert http(method, target(path), key=key).status_code == 401, key
    if "apiKey" not in kinds:
        assert http(method, target(path), key=KEY["all"]).status_code == 401
    else:
        assert http(method, target(path), key=KEY["all"]).status_code != 401


@pytest.mark.parametrize("path, method, operation", params(entry for entry in OPERATIONS if "tokenCookie" not in str(entry[2]["security"])))
def test_where_no_cookie_is_documented_none_serves(http, people, path, method, operation):
    token = people.session("shop").token
    answer = http(method, target(path), headers={"Cookie": f"access_token={token}"})
    assert answer.status_code == http(method, target(path)).status_code


@pytest.mark.parametrize("function", ["retrieve_system_status", "retrieve_system_status_using_api_key"])
def test_status(client, function):
    if function == "retrieve_system_status":
        client.call(function).empty()
    else:
        assert set(client.call(function, key=KEY["all"]).ok()) == {"store", "version"}
        for key in (KEY["none"], UNKNOWN_KEY):
            client.call(function, key=key).empty()


def test_a_client_with_another_tenant_sees_nothing(clients, strict_recorder):
    for client in clients.values():
        client.call("retrieve_jwt_public_keys", tenant=str(uuid.uuid4()), url=strict_recorder.url).refused(404)
        client.call("retrieve_jwt_public_keys", tenant=TENANT, url=strict_recorder.url).ok()
        client.call("retrieve_jwt_public_keys", tenant="", url=strict_recorder.url).ok()
