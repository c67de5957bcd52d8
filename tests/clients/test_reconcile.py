"""POST /api/jwt/reconcile: jwt-api.md sections 2.2 and 6. The partner's key is a PEM file of the configuration."""

import time
import uuid

import jwt
import pytest

from jose import UNSET, SigningKey
from server import APP, KEY, PROVIDER

NOBODY = "99999999-0000-4000-8000-000000000000"


def request_of(token, application="shop", **members):
    return {"applicationId": APP[application], "identityProviderId": PROVIDER, "data": {"token": token}, **members}


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_a_partners_token_makes_a_user_with_the_default_roles(client, server, people, last):
    email = f"{uuid.uuid4().hex}@partner.example"
    token = server.partner_token(email=email)
    answer = client.call("reconcile_jwt", request_of(token)).ok()
    found = claims(answer["token"])
    assert (found["authenticationType"], found["email"], found["roles"]) == ("FEDERATED_JWT", email, ["user"])
    assert answer["user"]["firstName"] == "Pat" and answer["user"]["data"]["department"] == "sales"
    assert answer["tokenExpirationInstant"] == found["exp"] * 1000
    cookies = last().cookies()
    assert cookies["access_token"][0] == answer["token"] and cookies["refresh_token"][0] == answer["refreshToken"]
    assert people.renews(answer["refreshToken"])
    again = client.call("reconcile_jwt", request_of(server.partner_token(email=email))).ok()
    assert again["user"]["id"] == answer["user"]["id"]


def test_the_older_member_for_the_token_and_a_device(client, server):
    request = {"applicationId": APP["shop"], "identityProviderId": PROVIDER, "encodedJWT": server.partner_token(), "device": "phone"}
    assert client.call("reconcile_jwt", request).ok()["refreshToken"]


def test_no_jwt_makes_neither_tokens_nor_cookies(client, server, last):
    assert set(client.call("reconcile_jwt", request_of(server.partner_token(), noJWT=True)).ok()) == {"user"}
    assert last().cookies() == {}


def test_without_a_registration_it_is_202(client, server):
    answer = client.call("reconcile_jwt", request_of(server.partner_token(), "wiki")).ok(202)
    assert "applicationId" not in claims(answer["token"]) and "refreshToken" not in answer


def test_a_known_user_is_linked_by_a_verified_address_of_the_partners(client, server, people):
    email = f"{uuid.uuid4().hex}@partner.example"
    made = people.http("POST", "/api/user", key=KEY["all"],
                       json={"user": {"email": email, "password": "correct horse battery"}}).json()["user"]
    client.call("reconcile_jwt", request_of(server.partner_token(email=email, email_verified=False))).refused(401)
    assert client.call("reconcile_jwt", request_of(server.partner_token(email=email))).ok()["user"]["id"] == made["id"]


def test_no_link_finds_nobody(client, server):
    client.call("reconcile_jwt", request_of(server.partner_token(), noLink=True)).refused(404)


@pytest.mark.parametrize("claims_", [
    {"iss": "https://other.example"}, {"aud": "another"}, {"exp": 1}, {"email": UNSET}, {"email": "a@other.example"}, {"exp": UNSET},
], ids=str)
def test_a_token_that_is_not_good_here_is_401(client, server, claims_):
    client.call("reconcile_jwt", request_of(server.partner_token(**claims_))).refused(401)


def test_another_key_an_unknown_one_and_no_token(client, server):
    stranger = SigningKey("partner-1", "RS256")
    token = stranger.token(iss="https://login.partner.example", aud="tollgate", email="a@partner.example", email_verified=True)
    for bad in (token, "bad-token", server.partner_token(headers={"kid": "unknown"})):
        client.call("reconcile_jwt", request_of(bad)).refused(401)


def test_an_application_or_provider_that_is_not_there_is_401(client, server):
    token = server.partner_token()
    client.call("reconcile_jwt", {**request_of(token), "applicationId": NOBODY}).refused(401)
    client.call("reconcile_jwt", {**request_of(token), "identityProviderId": NOBODY}).refused(401)
    client.call("reconcile_jwt", request_of(token, "closed")).refused(401)


@pytest.mark.parametrize("missing, code", [("applicationId", "[missing]applicationId"),
                                           ("identityProviderId", "[missing]identityProviderId"), ("data", "[missing]data.token")])
def test_a_missing_member_is_400(client, server, missing, code):
    request = request_of(server.partner_token())
    del request[missing]
    client.call("reconcile_jwt", request).refused(400, code)


def test_a_deactivated_user_is_refused_and_an_expired_one_410(client, server, people):
    everything = {"key": KEY["all"]}
    for change, status in [({"method": "DELETE"}, 404), ({"method": "PATCH", "json": {"user": {"expiry": 1}}}, 410)]:
        email = f"{uuid.uuid4().hex}@partner.example"
        user = client.call("reconcile_jwt", request_of(server.partner_token(email=email))).ok()["user"]
        people.http(target=f"/api/user/{user['id']}", **change, **everything).raise_for_status()
        time.sleep(0.01)
        client.call("reconcile_jwt", request_of(server.partner_token(email=email))).refused(status)


def test_another_sites_page_sets_no_cookies_and_json_is_the_only_type(http, server):
    body = request_of(server.partner_token())
    answer = http("POST", "/api/jwt/reconcile", headers={"Sec-Fetch-Site": "cross-site"}, json=body)
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert http("POST", "/api/jwt/reconcile", headers={"Content-Type": "text/plain"}, content="{}").status_code == 415
