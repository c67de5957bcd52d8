"""Login, ping and logout: jwt-api.md sections 2.13 and 2.14."""

import time
import uuid

import jwt
import pytest

from conftest import PASSWORD
from server import APP, KEY, UNKNOWN_KEY

NOBODY = "99999999-0000-4000-8000-000000000000"


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def request_of(person, application=None, **members):
    body = {"loginId": person.email, "password": person.password, **members}
    return {**body, "applicationId": APP[application]} if application else body


@pytest.mark.parametrize("key", ["all", "login"])
def test_a_sign_in(client, people, last, key):
    person = people.add("shop", roles={"shop": ["admin"]})
    answer = client.call("login", request_of(person, "shop"), key=KEY[key]).ok()
    found = claims(answer["token"])
    assert found["authenticationType"] == "PASSWORD" and found["roles"] == ["admin"] and found["sub"] == person.id
    assert answer["tokenExpirationInstant"] == found["exp"] * 1000
    assert answer["user"]["id"] == person.id and "password" not in answer["user"]
    assert [registration["applicationId"] for registration in answer["user"]["registrations"]] == [APP["shop"]]
    assert people.renews(answer["refreshToken"]) and uuid.UUID(answer["refreshTokenId"])
    cookies = last().cookies()
    assert cookies["access_token"] == (answer["token"], ["Path=/", "HttpOnly", "SameSite=Lax"])
    assert cookies["refresh_token"] == (answer["refreshToken"], ["Max-Age=2592000", "Path=/", "HttpOnly", "SameSite=Lax"])


def test_by_username(client, people):
    person = people.add("shop", username=f"bob-{uuid.uuid4().hex}")
    answer = client.call("login", {**request_of(person, "shop"), "loginId": person.name}, key=KEY["login"]).ok()
    assert claims(answer["token"])["preferred_username"] == person.name


def test_without_an_application_there_is_no_refresh_token(client, people, last):
    answer = client.call("login", request_of(people.add()), key=KEY["login"]).ok()
    assert set(answer) == {"token", "tokenExpirationInstant", "user"}
    found = claims(answer["token"])
    assert found["aud"] == found["iss"] and "applicationId" not in found and "roles" not in found
    assert set(last().cookies()) == {"access_token"}


def test_not_registered_is_202(client, people):
    answer = client.call("login", request_of(people.add(), "shop"), key=KEY["login"]).ok(202)
    assert set(answer) == {"token", "tokenExpirationInstant", "user"}
    assert "applicationId" not in claims(answer["token"])


def test_an_application_that_makes_no_refresh_tokens(client, people):
    assert "refreshToken" not in client.call("login", request_of(people.add("brief"), "brief"), key=KEY["login"]).ok()


def test_no_jwt_makes_neither_tokens_nor_cookies(client, people, last):
    answer = client.call("login", request_of(people.add("shop"), "shop", noJWT=True), key=KEY["login"]).ok()
    assert set(answer) == {"user"} and last().cookies() == {}


def test_a_wrong_password_and_an_unknown_user_are_404_alike(client, people):
    person = people.add("shop")
    client.call("login", {**request_of(person, "shop"), "password": "wrong"}, key=KEY["login"]).refused(404)
    client.call("login", {"loginId": f"{uuid.uuid4().hex}@example.com", "password": "wrong"}, key=KEY["login"]).refused(404)


def test_a_deactivated_user_is_404_and_an_expired_one_410(client, people):
    person = people.add("shop")
    client.call("deactivate_user", person.id, key=KEY["all"]).empty()
    client.call("login", request_of(person, "shop"), key=KEY["login"]).refused(404)
    expired = people.add("shop", expiry=int(time.time() * 1000) - 1000)
    client.call("login", request_of(expired, "shop"), key=KEY["login"]).refused(410)


def test_a_password_that_must_be_changed_is_203(client, people, last):
    person = people.add("shop", passwordChangeRequired=True)
    answer = client.call("login", request_of(person, "shop"), key=KEY["login"]).ok(203)
    assert answer == {"changePasswordReason": "Administrative"} and last().cookies() == {}


@pytest.mark.parametrize("key", [None, UNKNOWN_KEY, KEY["none"], KEY["reads"]])
def test_without_a_key_that_may_is_401(client, people, key):
    person = people.add("shop")
    client.call("login", request_of(person, "shop"), key=key).refused(401)
    client.call("login", request_of(person), key=key).refused(401)


def test_an_application_may_be_open_to_all(client, people):
    person = people.add("public")
    answer = client.call("login", request_of(person, "public")).ok()
    first = client.call("exchange_refresh_token_for_jwt", {"refreshToken": answer["refreshToken"]}).ok()
    assert first["refreshToken"] != answer["refreshToken"], "refresh tokens are one-time there"


@pytest.mark.parametrize("body, code", [
    ({}, "[blank]loginId"), ({"loginId": "a"}, "[blank]password"), ({"loginId": "", "password": "x"}, "[blank]loginId"),
    ({"loginId": "a", "password": "b", "applicationId": NOBODY}, "[invalid]applicationId"),
    ({"loginId": "a", "password": "b", "applicationId": "x"}, "[couldNotConvert]applicationId"),
    ({"loginId": "a", "password": "b", "ipAddress": "here"}, "[invalid]ipAddress"),
    ({"loginId": 1, "password": "b"}, "[couldNotConvert]loginId"),
], ids=str)
def test_a_wrong_request_is_400(client, body, code):
    client.call("login", body, key=KEY["all"]).refused(400, code)


def test_too_many_failures_are_429_with_retry_after_unknown_accounts_alike(strict_http, strict_people):
    for email in (strict_people.add("shop").email, f"{uuid.uuid4().hex}@example.com"):
        body = {"loginId": email, "password": "wrong"}
        statuses = [strict_http("POST", "/api/login", key=KEY["login"], json=body).status_code for _ in range(3)]
        assert statuses == [404] * 3
        answer = strict_http("POST", "/api/login", key=KEY["login"], json={**body, "password": PASSWORD})
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
        assert "[tooManyAttempts]" in answer.text
        # By the address that the key vouches for.
        other = {**body, "ipAddress": "192.0.2.9"}
        assert strict_http("POST", "/api/login", key=KEY["login"], json=other).status_code == 404


def test_another_sites_page_sets_no_cookies(http, people):
    body = request_of(people.add("public"), "public")
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = http("POST", "/api/login", headers=foreign, json=body)
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    answer = http("POST", "/api/login", headers={"Content-Type": "text/plain"}, content="{}")
    assert answer.status_code == 415


# ---- Ping

@pytest.mark.parametrize("form", ["segments", "segments with address", "request"])
def test_a_ping_is_noted_and_answers_with_the_user_alone(client, people, last, form):
    person = people.add("shop")
    call = {"segments": ("login_ping", person.id, APP["shop"]), "segments with address": ("login_ping", person.id, APP["shop"],
            "192.0.2.1"), "request": ("login_ping_with_request", {"userId": person.id, "applicationId": APP["shop"]})}[form]
    answer = client.call(*call, key=KEY["all"]).ok()
    assert set(answer) == {"user"} and answer["user"]["id"] == person.id
    assert abs(answer["user"]["lastLoginInstant"] / 1000 - time.time()) < 60
    assert last().cookies() == {}


def test_a_ping_without_an_application(client, people):
    client.call("login_ping", people.add().id, None, None, key=KEY["all"]).ok()


def test_a_ping_where_the_user_is_not_registered_is_202(client, people):
    assert set(client.call("login_ping", people.add().id, APP["shop"], key=KEY["all"]).ok(202)) == {"user"}


def test_the_application_may_be_in_the_body(client, people, http):
    person = people.add()
    client.call("login_ping_with_request", {"userId": person.id, "applicationId": APP["shop"]}, key=KEY["all"]).ok(202)
    answer = http("PUT", f"/api/login/{person.id}", key=KEY["all"], json={"applicationId": APP["shop"]})
    assert answer.status_code == 202


def test_what_a_ping_refuses(client, people):
    person = people.add("shop")
    client.call("login_ping", NOBODY, APP["shop"], key=KEY["all"]).refused(404)
    client.call("login_ping", person.id, NOBODY, key=KEY["all"]).refused(400, "[invalid]applicationId")
    client.call("login_ping", "bad-id", None, key=KEY["all"]).refused(400, "[couldNotConvert]userId")
    client.call("login_ping_with_request", {}, key=KEY["all"]).refused(400, "[missing]userId")
    for key in (None, UNKNOWN_KEY, KEY["login"]):
        client.call("login_ping", person.id, APP["shop"], key=key).refused(401)


def test_a_ping_by_jwt_is_of_its_own_user_and_never_gives_a_token(http, people):
    person = people.session("shop")
    answer = http("PUT", "/api/login?ipAddress=192.0.2.1", bearer=person.token)
    assert answer.status_code == 200 and set(answer.json()) == {"user"} and answer.json()["user"]["id"] == person.id
    answer = http("PUT", f"/api/login/{people.add().id}", bearer=person.token)
    assert answer.json()["user"]["id"] == person.id
    assert http("PUT", "/api/login", bearer="bad").status_code == 401


# ---- Logout

@pytest.mark.parametrize("function", ["logout", "logout_with_request"])
def test_a_logout_ends_the_session(client, people, last, function):
    person, other = people.session("shop"), people.session("shop")
    again = people.sign_in(person, "shop")
    arguments = (False, person.refresh_token) if function == "logout" else ({"refreshToken": person.refresh_token},)
    client.call(function, *arguments).empty()
    assert last().cookies() == {}, "none came"
    assert not people.renews(person.refresh_token) and not people.is_good(person.token)
    assert people.renews(again["refreshToken"]) and people.renews(other.refresh_token)


@pytest.mark.parametrize("function", ["logout", "logout_with_request"])
def test_a_global_logout_ends_all_of_the_user(client, people, function):
    person, other = people.session("shop", "wiki"), people.session("shop")
    again = people.sign_in(person, "wiki")
    arguments = (True, person.refresh_token) if function == "logout" else ({"global": True, "refreshToken": person.refresh_token},)
    client.call(function, *arguments).empty()
    assert not people.renews(again["refreshToken"]) and not people.is_good(again["token"])
    assert people.renews(other.refresh_token)


@pytest.mark.parametrize("call", [("logout", True), ("logout", True, None), ("logout", True, "nobodys"),
                                  ("logout_with_request", {}), ("logout_with_request", {"global": True})], ids=str)
def test_nothing_to_end_is_200_too(client, people, call):
    person = people.session("shop")
    client.call(*call).empty()
    assert people.renews(person.refresh_token)


def test_what_is_named_goes_before_the_cookie_and_cookies_are_cleared(http, people, recorder):
    named, kept = people.session("shop"), people.session("shop")
    cookie = {"Cookie": f"refresh_token={kept.refresh_token}; access_token={kept.token}"}
    answer = http("POST", f"/api/logout?refreshToken={named.refresh_token}", headers=cookie)
    assert (answer.status_code, answer.content) == (200, b"")
    cleared = recorder.take()[-1].cookies()
    assert set(cleared) == {"access_token", "refresh_token"}
    assert all(value == "" and "Max-Age=0" in attributes for value, attributes in cleared.values())
    assert not people.renews(named.refresh_token) and people.renews(kept.refresh_token)
    assert http("POST", "/api/logout", headers=cookie, json={}).status_code == 200
    assert not people.renews(kept.refresh_token)


def test_another_sites_page_signs_nobody_out_by_cookie(http, people):
    person = people.session("shop")
    headers = {"Cookie": f"refresh_token={person.refresh_token}", "Sec-Fetch-Site": "cross-site"}
    answer = http("POST", "/api/logout", headers=headers)
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert people.renews(person.refresh_token)
