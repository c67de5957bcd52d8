"""GET /api/jwt/issue: jwt-api.md section 2.1."""

import time

import jwt
import pytest

from server import APP, KEY


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_for_another_application_of_the_same_user_session_and_expiry(client, people):
    person = people.session("shop", "wiki", roles={"shop": ["admin"], "wiki": ["editor"]})
    before = claims(person.token)
    answer = client.call("issue_jwt", APP["wiki"], person.token).ok()
    assert set(answer) == {"token"}, "no refresh token was presented"
    after = claims(answer["token"])
    assert after["authenticationType"] == "JWT_SSO"
    assert (after["aud"], after["applicationId"], after["roles"]) == (APP["wiki"], APP["wiki"], ["editor"])
    for kept in ("exp", "sub", "sid", "auth_time", "iss", "email"):
        assert after[kept] == before[kept], kept
    assert after["jti"] != before["jti"] and abs(after["iat"] - time.time()) < 5
    assert people.is_good(answer["token"])


def test_the_same_application_is_fine_too(client, people):
    person = people.session("shop")
    answer = client.call("issue_jwt", APP["shop"], person.token, person.refresh_token).ok()
    assert claims(answer["token"])["aud"] == APP["shop"] and people.renews(answer["refreshToken"])


def test_a_refresh_token_of_the_session_gives_one_for_the_target(client, people):
    person = people.session("shop", "wiki")
    answer = client.call("issue_jwt", APP["wiki"], person.token, person.refresh_token).ok()
    assert answer["refreshToken"] != person.refresh_token
    renewed = client.call("exchange_refresh_token_for_jwt", {"refreshToken": answer["refreshToken"]}).ok()
    assert claims(renewed["token"])["aud"] == APP["wiki"]
    assert claims(renewed["token"])["sid"] == claims(person.token)["sid"]
    # A child, which inherits the start, and ends with the session.
    listed = client.call("retrieve_refresh_tokens", person.id, key=KEY["all"]).ok()["refreshTokens"]
    start = {token["applicationId"]: token["startInstant"] for token in listed}
    assert start[APP["wiki"]] == start[APP["shop"]]
    client.call("revoke_refresh_token_by_token", person.refresh_token, key=KEY["all"]).empty()
    assert not people.renews(answer["refreshToken"]) and not people.is_good(answer["token"])


@pytest.mark.parametrize("target, presented", [
    ("sliding", "own"),        # refresh tokens expire in another way there
    ("brief", "own"),          # makes none
    ("wiki", "stranger's"),    # of another session
    ("wiki", "nobody's"),
])
def test_without_the_conditions_the_refresh_token_is_left_out(client, people, target, presented):
    person = people.session("shop", target)
    value = {"own": person.refresh_token, "stranger's": people.session("shop").refresh_token, "nobody's": "x" * 54}[presented]
    answer = client.call("issue_jwt", APP[target], person.token, value).ok()
    assert set(answer) == {"token"}


def test_a_user_who_is_not_registered_gets_202_and_a_token_of_no_application(client, people):
    person = people.session("shop")
    answer = client.call("issue_jwt", APP["wiki"], person.token, person.refresh_token).ok(202)
    assert set(answer) == {"token"}
    found = claims(answer["token"])
    assert "applicationId" not in found and "roles" not in found and found["exp"] == claims(person.token)["exp"]
    # Decision table: validate takes it, but it cannot be exchanged again.
    client.call("validate_jwt", answer["token"]).ok()
    client.call("issue_jwt", APP["shop"], answer["token"]).refused(401)


def test_an_application_that_is_not_there_is_named(client, people):
    person = people.session("shop")
    client.call("issue_jwt", "99999999-0000-4000-8000-000000000000", person.token).refused(400, "[invalid]applicationId")
    client.call("issue_jwt", "asdf", person.token).refused(400, "[couldNotConvert]applicationId")


def test_an_application_that_is_closed_to_single_sign_on_is_401(client, people):
    person = people.session("wiki", "shop", "closed", "listed")
    client.call("issue_jwt", APP["closed"], person.token).refused(401)
    client.call("issue_jwt", APP["listed"], person.token).refused(401)
    # By way of a listed application neither: the sign-in's own counts too.
    through = client.call("issue_jwt", APP["shop"], person.token).ok()["token"]
    client.call("issue_jwt", APP["listed"], through).refused(401)
    listed = people.sign_in(person, "shop")["token"]
    client.call("issue_jwt", APP["listed"], listed).ok()
    own = people.sign_in(person, "closed")["token"]
    client.call("issue_jwt", APP["closed"], own).ok()


@pytest.mark.parametrize("token", ["123123", "a.b.c", ""])
def test_no_good_token_is_401_and_empty(client, token):
    client.call("issue_jwt", APP["shop"], token).refused(401)


def test_expired_and_revoked_tokens_are_401(client, people):
    brief = people.session("brief", "shop")
    revoked = people.session("shop")
    client.call("revoke_refresh_token_by_token", revoked.refresh_token, key=KEY["all"]).empty()
    client.call("issue_jwt", APP["shop"], revoked.token).refused(401)
    time.sleep(max(0, claims(brief.token)["exp"] - time.time() + 1.1))
    client.call("issue_jwt", APP["shop"], brief.token).refused(401)


def test_an_api_key_is_no_token(http):
    answer = http("GET", f"/api/jwt/issue?applicationId={APP['shop']}", key=KEY["all"])
    assert (answer.status_code, answer.content) == (401, b"")


def test_cookies_serve_and_go_before_the_query(http, people):
    person = people.session("shop", "wiki")
    target = f"/api/jwt/issue?applicationId={APP['wiki']}&refreshToken=nobodys"
    cookies = f"access_token={person.token}; refresh_token={person.refresh_token}"
    answer = http("GET", target, headers={"Cookie": cookies})
    assert answer.status_code == 200 and people.renews(answer.json()["refreshToken"])
    assert "set-cookie" not in answer.headers
    # The header goes before the cookie.
    stranger = people.session("shop", "wiki")
    answer = http("GET", target, bearer=stranger.token, headers={"Cookie": f"access_token={person.token}"})
    assert claims(answer.json()["token"])["sub"] == stranger.id


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "JWT", "jwt"])
def test_both_schemes_in_any_case(http, people, scheme):
    person = people.session("shop")
    answer = http("GET", f"/api/jwt/issue?applicationId={APP['shop']}", key=f"{scheme} {person.token}")
    assert answer.status_code == 200


def test_no_application_at_all_is_400(http, people):
    answer = http("GET", "/api/jwt/issue", bearer=people.session("shop").token)
    assert answer.status_code == 400 and "[missing]applicationId" in answer.text


@pytest.mark.parametrize("literal", ["undefined", "null", ""])
def test_a_literal_for_nothing_is_no_refresh_token(http, people, literal):
    person = people.session("shop")
    target = f"/api/jwt/issue?applicationId={APP['shop']}&refreshToken={literal}"
    answer = http("GET", target, bearer=person.token)
    assert answer.status_code == 200 and set(answer.json()) == {"token"}
