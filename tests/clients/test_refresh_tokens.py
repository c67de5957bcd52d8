"""GET and DELETE /api/jwt/refresh: jwt-api.md sections 2.5 and 2.6."""

import uuid

import pytest

from server import APP, KEY, UNKNOWN_KEY

NOBODY = "99999999-0000-4000-8000-000000000000"


def test_a_users_list_is_newest_first_and_shows_values_to_the_key_that_may_see_them(client, people):
    person = people.session("shop", "wiki")
    newer = people.sign_in(person, "wiki", device="tablet", metaData={"device": {"name": "Tab", "type": "TABLET"}})
    listed = client.call("retrieve_refresh_tokens", person.id, key=KEY["shows"]).ok()["refreshTokens"]
    assert [token["token"] for token in listed] == [newer["refreshToken"], person.refresh_token]
    assert [token["id"] for token in listed] == [newer["refreshTokenId"], person.refresh_token_id]
    assert [token["applicationId"] for token in listed] == [APP["wiki"], APP["shop"]]
    assert {token["userId"] for token in listed} == {person.id}
    assert listed[0]["device"] == "tablet" and listed[0]["metaData"]["device"]["type"] == "TABLET"
    assert all(token["insertInstant"] >= token["startInstant"] > 1_600_000_000_000 for token in listed)


@pytest.mark.parametrize("key", ["reads", "all"])
def test_other_keys_see_no_values(client, people, key):
    person = people.session("shop")
    [token] = client.call("retrieve_refresh_tokens", person.id, key=KEY[key]).ok()["refreshTokens"]
    assert "token" not in token
    token = client.call("retrieve_refresh_token_by_id", person.refresh_token_id, key=KEY[key]).ok()["refreshToken"]
    assert "token" not in token and token["id"] == person.refresh_token_id
    token = client.call("retrieve_refresh_token_by_id", person.refresh_token_id, key=KEY["shows"]).ok()["refreshToken"]
    assert token["token"] == person.refresh_token


def test_an_unknown_user_has_an_empty_list(client):
    assert client.call("retrieve_refresh_tokens", NOBODY, key=KEY["all"]).ok() == {"refreshTokens": []}


def test_a_malformed_or_missing_user_is_400(client, http):
    client.call("retrieve_refresh_tokens", "123456789", key=KEY["all"]).refused(400, "[couldNotConvert]userId")
    answer = http("GET", "/api/jwt/refresh", key=KEY["all"])
    assert answer.status_code == 400 and "[missing]userId" in answer.text


def test_an_unknown_or_malformed_id(client, people):
    client.call("retrieve_refresh_token_by_id", str(uuid.uuid4()), key=KEY["all"]).refused(404)
    client.call("retrieve_refresh_token_by_id", "bad-id", key=KEY["all"]).refused(400, "[couldNotConvert]tokenId")
    person = people.session("shop")
    client.call("revoke_refresh_token_by_id", person.refresh_token_id, key=KEY["all"]).empty()
    client.call("retrieve_refresh_token_by_id", person.refresh_token_id, key=KEY["all"]).refused(404)


@pytest.mark.parametrize("key", [None, "", "none", "login", "unknown"])
def test_a_key_without_the_permission_is_401_and_empty(client, people, key):
    person = people.session("shop")
    key = {None: None, "": "", "unknown": UNKNOWN_KEY}.get(key) if key in (None, "", "unknown") else KEY[key]
    client.call("retrieve_refresh_tokens", person.id, key=key).refused(401)
    client.call("retrieve_refresh_token_by_id", person.refresh_token_id, key=key).refused(401)
    client.call("revoke_refresh_tokens_by_user_id", person.id, key=key).refused(401)
    client.call("revoke_refresh_token_by_id", person.refresh_token_id, key=key).refused(401)
    client.call("revoke_refresh_tokens_with_request", {"userId": person.id}, key=key).refused(401)
    assert people.is_good(person.token) and people.renews(person.refresh_token)


def test_a_permission_is_for_one_method(client, people):
    person = people.session("shop")
    client.call("revoke_refresh_tokens_by_user_id", person.id, key=KEY["reads"]).refused(401)
    assert people.is_good(person.token)


def test_ones_own_list_by_jwt_has_no_values(http, people):
    person = people.session("shop")
    people.session("shop")
    for scheme in ("Bearer", "JWT"):
        answer = http("GET", "/api/jwt/refresh", key=f"{scheme} {person.token}")
        [token] = answer.json()["refreshTokens"]
        assert token["id"] == person.refresh_token_id and "token" not in token
    answer = http("GET", "/api/jwt/refresh", headers={"Cookie": f"access_token={person.token}"})
    assert answer.status_code == 200
    # Another user's id changes nothing.
    answer = http("GET", f"/api/jwt/refresh?userId={people.add().id}", bearer=person.token)
    assert [token["id"] for token in answer.json()["refreshTokens"]] == [person.refresh_token_id]


def test_ones_own_list_shows_values_where_the_authority_says_so(strict_http, strict_people):
    person = strict_people.session("shop")
    [token] = strict_http("GET", "/api/jwt/refresh", bearer=person.token).json()["refreshTokens"]
    assert token["token"] == person.refresh_token


SELECTORS = {
    "revoke_refresh_token value": lambda p: ("revoke_refresh_token", p.refresh_token),
    "revoke_refresh_token null null": lambda p: ("revoke_refresh_token", p.refresh_token, None, None),
    "revoke_refresh_token user": lambda p: ("revoke_refresh_token", None, p.id),
    "revoke_refresh_token user application": lambda p: ("revoke_refresh_token", None, p.id, APP["shop"]),
    "by_token": lambda p: ("revoke_refresh_token_by_token", p.refresh_token),
    "by_id": lambda p: ("revoke_refresh_token_by_id", p.refresh_token_id),
    "by_user_id": lambda p: ("revoke_refresh_tokens_by_user_id", p.id),
    "by_user_id_for_application": lambda p: ("revoke_refresh_tokens_by_user_id_for_application", p.id, APP["shop"]),
    "request token": lambda p: ("revoke_refresh_tokens_with_request", {"token": p.refresh_token}),
    "request user": lambda p: ("revoke_refresh_tokens_with_request", {"userId": p.id}),
    "request both": lambda p: ("revoke_refresh_tokens_with_request", {"userId": p.id, "applicationId": APP["shop"]}),
}


@pytest.mark.parametrize("selector", SELECTORS)
def test_each_selector_ends_the_refresh_token_and_its_access_token_and_nobody_elses(client, people, selector):
    person, other = people.session("shop"), people.session("shop")
    function, *arguments = SELECTORS[selector](person)
    client.call(function, *arguments, key=KEY["all"]).empty()
    assert not people.renews(person.refresh_token) and not people.is_good(person.token)
    assert people.renews(other.refresh_token) and people.is_good(other.token)


@pytest.mark.parametrize("selector", ["query", "request", "first"])
def test_an_application_ends_all_of_its_sessions_and_no_others(client, people, selector):
    one, two, other = people.session("listed"), people.session("listed"), people.session("shop")
    call = {"query": ("revoke_refresh_tokens_by_application_id", APP["listed"]),
            "request": ("revoke_refresh_tokens_with_request", {"applicationId": APP["listed"]}),
            "first": ("revoke_refresh_token", None, None, APP["listed"])}[selector]
    client.call(*call, key=KEY["all"]).empty()
    for person in (one, two):
        assert not people.renews(person.refresh_token) and not people.is_good(person.token)
    assert people.is_good(other.token)
    assert people.is_good(people.sign_in(one, "listed")["token"]), "a sign-in afterwards is a new one"


def test_a_user_in_one_application_leaves_the_others(client, people):
    person = people.session("shop", "wiki")
    elsewhere = people.sign_in(person, "wiki")
    client.call("revoke_refresh_tokens_by_user_id_for_application", person.id, APP["shop"], key=KEY["all"]).empty()
    assert not people.renews(person.refresh_token) and people.renews(elsewhere["refreshToken"])
    assert people.is_good(elsewhere["token"])


def test_a_user_without_refresh_tokens_is_200(client, people):
    client.call("revoke_refresh_tokens_by_user_id", people.add().id, key=KEY["all"]).empty()


@pytest.mark.parametrize("call", [
    ("revoke_refresh_tokens_by_user_id", NOBODY),
    ("revoke_refresh_tokens_by_application_id", NOBODY),
    ("revoke_refresh_tokens_by_user_id_for_application", NOBODY, APP["shop"]),
    ("revoke_refresh_token_by_token", "x" * 54),
    ("revoke_refresh_token_by_token", "a+b/c=&d"),
    ("revoke_refresh_token_by_id", NOBODY),
    ("revoke_refresh_tokens_with_request", {"token": "unknown"}),
    ("revoke_refresh_tokens_with_request", {"userId": NOBODY}),
], ids=str)
def test_what_is_not_there_is_404_and_empty(client, call):
    client.call(*call, key=KEY["all"]).refused(404)


def test_an_application_that_is_not_there_is_404_also_for_a_known_user(client, people):
    person = people.session("shop")
    client.call("revoke_refresh_tokens_by_user_id_for_application", person.id, NOBODY, key=KEY["all"]).refused(404)
    assert people.is_good(person.token)


@pytest.mark.parametrize("call", [("revoke_refresh_token",), ("revoke_refresh_token", None, None, None),
                                  ("revoke_refresh_tokens_with_request", {})], ids=str)
def test_no_selector_is_400_and_never_all(client, people, call):
    person = people.session("shop")
    client.call(*call, key=KEY["all"]).refused(400, "[missing]token")
    assert people.is_good(person.token)


@pytest.mark.parametrize("call, field", [
    (("revoke_refresh_tokens_by_user_id", "123456789"), "userId"),
    (("revoke_refresh_tokens_by_application_id", "asdf"), "applicationId"),
    (("revoke_refresh_token_by_id", "bad-id"), "tokenId"),
    (("revoke_refresh_tokens_with_request", {"userId": "x"}), "userId"),
], ids=str)
def test_a_malformed_id_is_400(client, call, field):
    client.call(*call, key=KEY["all"]).refused(400, f"[couldNotConvert]{field}")


def test_an_owner_may_revoke_their_own_and_a_stranger_learns_nothing(http, people):
    person, stranger = people.session("shop"), people.session("shop")
    for target in (f"/api/jwt/refresh/{person.refresh_token_id}", f"/api/jwt/refresh?token={person.refresh_token}",
                   f"/api/jwt/refresh?userId={person.id}", f"/api/jwt/refresh?applicationId={APP['shop']}"):
        answer = http("DELETE", target, bearer=stranger.token)
        assert (answer.status_code, answer.content) == (404, b""), target
    assert people.renews(person.refresh_token)
    answer = http("DELETE", f"/api/jwt/refresh/{person.refresh_token_id}", bearer=person.token)
    assert (answer.status_code, answer.content) == (200, b"")
    answer = http("DELETE", f"/api/jwt/refresh?token={stranger.refresh_token}", headers={"Cookie": f"access_token={stranger.token}"})
    assert (answer.status_code, answer.content) == (200, b"")
    for ended in (person, stranger):
        assert not people.renews(ended.refresh_token)
        assert http("DELETE", f"/api/jwt/refresh/{ended.refresh_token_id}", bearer=ended.token).status_code == 401


def test_a_form_keeps_the_value_out_of_logs(http, people):
    person = people.session("shop")
    answer = http("DELETE", "/api/jwt/refresh", key=KEY["all"], data={"token": person.refresh_token})
    assert (answer.status_code, answer.content) == (200, b"")
    assert not people.renews(person.refresh_token)
