"""POST /api/jwt/refresh: jwt-api.md section 2.4."""

import time

import jwt
import pytest

from server import APP, KEY

REFRESH = "exchange_refresh_token_for_jwt"


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_a_new_access_token_of_the_same_session(client, people, last):
    person = people.session("shop", roles={"shop": ["user"]})
    before = claims(person.token)
    answer = client.call(REFRESH, {"refreshToken": person.refresh_token, "token": person.token}).ok()
    assert set(answer) == {"token", "refreshToken", "refreshTokenId"}
    assert answer["refreshToken"] == person.refresh_token, "reusable"
    assert answer["refreshTokenId"] == person.refresh_token_id
    after = claims(answer["token"])
    assert after["authenticationType"] == "REFRESH_TOKEN"
    for kept in ("aud", "sub", "sid", "auth_time", "roles", "applicationId"):
        assert after[kept] == before[kept], kept
    assert after["exp"] - after["iat"] == 3600 and after["jti"] != before["jti"]
    cookies = last().cookies()
    assert cookies["access_token"] == (answer["token"], ["Path=/", "HttpOnly", "SameSite=Lax"])
    assert cookies["refresh_token"] == (person.refresh_token, ["Max-Age=2592000", "Path=/", "HttpOnly", "SameSite=Lax"])


def test_the_previous_access_token_is_not_looked_at(client, people):
    person = people.session("shop")
    client.call(REFRESH, {"refreshToken": person.refresh_token, "token": "anything"}).ok()


@pytest.mark.parametrize("value", ["bad", "x" * 54, "a+b/c="])
def test_a_bad_refresh_token_is_401_with_the_errors_object(client, value):
    client.call(REFRESH, {"refreshToken": value}).refused(401, "[invalid]refreshToken")


@pytest.mark.parametrize("request_", [{}, {"token": "x"}, {"refreshToken": None}])
def test_no_refresh_token_at_all_is_400(client, request_):
    client.call(REFRESH, request_).refused(400, "[missing]refreshToken")


def test_a_revoked_one_is_401(client, people):
    person = people.session("shop")
    client.call("revoke_refresh_token_by_id", person.refresh_token_id, key=KEY["all"]).empty()
    client.call(REFRESH, {"refreshToken": person.refresh_token}).refused(401, "[invalid]refreshToken")


def test_an_application_that_takes_none_is_401(client, people):
    person = people.session("unrenewed")
    client.call(REFRESH, {"refreshToken": person.refresh_token}).refused(401, "[invalid]refreshToken")


def test_a_shorter_life_may_be_asked_for_and_a_longer_may_not(client, people):
    person = people.session("shop")
    request = {"refreshToken": person.refresh_token}
    found = claims(client.call(REFRESH, {**request, "timeToLiveInSeconds": 60}).ok()["token"])
    assert found["exp"] - found["iat"] == 60
    client.call(REFRESH, {**request, "timeToLiveInSeconds": 3601}).refused(400, "[tooLarge]timeToLiveInSeconds")
    client.call(REFRESH, {**request, "timeToLiveInSeconds": 0}).refused(400, "[invalid]timeToLiveInSeconds")
    client.call(REFRESH, {**request, "timeToLiveInSeconds": "1"}).refused(400, "[couldNotConvert]timeToLiveInSeconds")


def test_roles_and_email_are_those_of_now(client, people):
    person = people.session("shop", roles={"shop": ["user"]})
    body = {"registration": {"applicationId": APP["shop"], "roles": ["admin", "user"]}}
    client.call("update_registration", person.id, body, key=KEY["all"]).ok()
    client.call("patch_user", person.id, {"user": {"email": f"new-{person.email}"}}, key=KEY["all"]).ok()
    found = claims(client.call(REFRESH, {"refreshToken": person.refresh_token}).ok()["token"])
    assert found["roles"] == ["admin", "user"] and found["email"] == f"new-{person.email}"


def test_one_time_a_new_value_of_the_same_id_and_the_previous_one_within_grace(client, people):
    person = people.session("one-time")
    first = client.call(REFRESH, {"refreshToken": person.refresh_token}).ok()
    assert first["refreshToken"] != person.refresh_token and first["refreshTokenId"] == person.refresh_token_id
    again = client.call(REFRESH, {"refreshToken": person.refresh_token}).ok()
    assert again["refreshToken"] == first["refreshToken"], "the previous value gets the same new one"
    second = client.call(REFRESH, {"refreshToken": first["refreshToken"]}).ok()
    assert second["refreshToken"] != first["refreshToken"]
    # What replaced it was used and the grace has passed: this is reuse, which ends the session.
    time.sleep(1.1)
    client.call(REFRESH, {"refreshToken": person.refresh_token}).refused(401, "[invalid]refreshToken")
    client.call(REFRESH, {"refreshToken": second["refreshToken"]}).refused(401, "[invalid]refreshToken")
    assert not people.is_good(second["token"])


def test_the_cookie_goes_before_the_body(http, people):
    mine, other = people.session("shop"), people.session("shop")
    answer = http("POST", "/api/jwt/refresh", json={"refreshToken": other.refresh_token},
                  headers={"Cookie": f"refresh_token={mine.refresh_token}"})
    assert answer.status_code == 200 and claims(answer.json()["token"])["sub"] == mine.id
    answer = http("POST", "/api/jwt/refresh", headers={"Cookie": f"refresh_token={mine.refresh_token}"})
    assert answer.status_code == 200
    answer = http("POST", "/api/jwt/refresh", json={"refreshToken": other.refresh_token},
                  headers={"Cookie": "refresh_token=nobodys"})
    assert answer.status_code == 401


def test_another_sites_page_neither_uses_nor_sets_cookies(http, people):
    person = people.session("shop")
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = http("POST", "/api/jwt/refresh", headers={**foreign, "Cookie": f"refresh_token={person.refresh_token}"}, json={})
    assert answer.status_code == 400 and "[missing]refreshToken" in answer.text
    answer = http("POST", "/api/jwt/refresh", headers=foreign, json={"refreshToken": person.refresh_token})
    assert answer.status_code == 200 and "set-cookie" not in answer.headers


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_json_is_the_only_type(http, people, media_type):
    body = '{"refreshToken":"' + people.session("shop").refresh_token + '"}'
    headers = {"Content-Type": media_type} if media_type else {}
    answer = http("POST", "/api/jwt/refresh", content=body, headers=headers)
    assert answer.status_code == 415 and "set-cookie" not in answer.headers


@pytest.mark.parametrize("body, code", [("{", "[invalidJSON]"), ("[]", "[invalidJSON]"), ('{"refreshToken":"a","refreshToken":"b"}',
                         "[invalidJSON]"), ('{"refreshToken":1}', "[couldNotConvert]refreshToken")])
def test_a_body_that_is_not_usable_is_400(http, body, code):
    answer = http("POST", "/api/jwt/refresh", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and code in answer.text


def test_sliding_begins_anew_and_fixed_does_not(client, people):
    for application, slides in [("sliding", True), ("shop", False)]:
        person = people.session(application)
        start = lambda: client.call("retrieve_refresh_token_by_id", person.refresh_token_id,  # noqa: E731
                                    key=KEY["all"]).ok()["refreshToken"]["startInstant"]
        before = start()
        time.sleep(0.05)
        client.call(REFRESH, {"refreshToken": person.refresh_token}).ok()
        assert (start() > before) == slides
