"""Users and registrations: jwt-api.md section 2.15."""

import uuid

import pytest

from conftest import PASSWORD
from server import APP, KEY, UNKNOWN_KEY

NOBODY = "99999999-0000-4000-8000-000000000000"
ALL = {"key": KEY["all"]}


def address():
    return f"{uuid.uuid4().hex}@example.com"


def test_a_new_user_is_found_by_id_and_by_each_name(client):
    email, name = address(), f"ann-{uuid.uuid4().hex}"
    members = {"firstName": "Ann", "lastName": "Lee", "data": {"team": ["a"]}, "preferredLanguages": ["it", "en"]}
    user = client.call("create_user", {"user": {"email": email, "username": name, "password": PASSWORD, **members}}, **ALL).ok()["user"]
    assert {member: user[member] for member in members} == members
    assert (user["email"], user["username"], user["active"], user["verified"]) == (email, name, True, False)
    assert "password" not in user and user["registrations"] == []
    for call in [("retrieve_user", user["id"]), ("retrieve_user_by_email", email), ("retrieve_user_by_username", name),
                 ("retrieve_user_by_login_id", email), ("retrieve_user_by_login_id", name)]:
        assert client.call(*call, **ALL).ok() == {"user": user}, call


def test_an_id_may_be_given_and_is_taken_once(client):
    identity = str(uuid.uuid4())
    request = lambda: {"user": {"email": address(), "password": PASSWORD}}  # noqa: E731
    assert client.call("create_user", request(), identity, **ALL).ok()["user"]["id"] == identity
    client.call("create_user", request(), identity, **ALL).refused(400, "[duplicate]user.id")
    client.call("create_user", request(), "bad-id", **ALL).refused(400, "[couldNotConvert]userId")


@pytest.mark.parametrize("members, code", [
    ({"email": "a@b.example"}, "[blank]user.password"),
    ({"email": "a@b.example", "password": "short"}, "[tooShort]user.password"),
    ({"email": "a@b.example", "password": "x" * 5000}, "[tooLong]user.password"),
    ({"email": "no address", "password": PASSWORD}, "[invalid]user.email"),
    ({"password": PASSWORD}, "[blank]user.email"),
    ({"email": "a@b.example", "password": PASSWORD, "data": "x"}, "[couldNotConvert]user.data"),
    ({"email": "a@b.example", "password": PASSWORD, "verified": "yes"}, "[couldNotConvert]user.verified"),
    ({"email": "a@b.example", "password": PASSWORD, "expiry": -1}, "[invalid]user.expiry"),
], ids=str)
def test_a_wrong_user_is_400(client, members, code):
    client.call("create_user", {"user": members}, **ALL).refused(400, code)


def test_a_name_is_one_users(client, people):
    person = people.add(username=f"ann-{uuid.uuid4().hex}")
    client.call("create_user", {"user": {"email": person.email.upper(), "password": PASSWORD}}, **ALL).refused(
        400, "[duplicate]user.email")
    client.call("create_user", {"user": {"username": person.name, "password": PASSWORD}}, **ALL).refused(
        400, "[duplicate]user.username")
    other = people.add()
    client.call("patch_user", other.id, {"user": {"email": person.email}}, **ALL).refused(400, "[duplicate]user.email")


def test_put_replaces_and_patch_merges(client, people):
    person = people.add(firstName="Ann", data={"a": 1, "b": {"c": 2, "d": 3}})
    patch = {"user": {"lastName": "Lee", "data": {"b": {"c": None}}}}
    user = client.call("patch_user", person.id, patch, **ALL).ok()["user"]
    assert (user["firstName"], user["lastName"], user["email"]) == ("Ann", "Lee", person.email)
    assert user["data"] == {"a": 1, "b": {"d": 3}}
    user = client.call("update_user", person.id, {"user": {"email": person.email, "timezone": "Europe/Rome"}}, **ALL).ok()["user"]
    assert user["timezone"] == "Europe/Rome" and not {"firstName", "lastName", "data"} & set(user)
    # The password stays, and does what it did.
    people.sign_in(person)
    client.call("update_user", person.id, {"user": {"firstName": "x"}}, **ALL).refused(400, "[blank]user.email")


def test_another_password_ends_the_sessions(client, people):
    person = people.session("shop")
    client.call("patch_user", person.id, {"user": {"password": "another good one"}}, **ALL).ok()
    assert not people.is_good(person.token) and not people.renews(person.refresh_token)


def test_deactivation_ends_everything_until_reactivation(client, people):
    person = people.session("shop")
    client.call("deactivate_user", person.id, **ALL).empty()
    assert not people.is_good(person.token) and not people.renews(person.refresh_token)
    assert client.call("retrieve_user", person.id, **ALL).ok()["user"]["active"] is False
    user = client.call("reactivate_user", person.id, **ALL).ok()["user"]
    assert user["active"] is True and user["email"] == person.email
    assert not people.is_good(person.token)
    people.sign_in(person, "shop")


def test_removal_is_for_good(client, people):
    person = people.session("shop")
    client.call("delete_user", person.id, **ALL).empty()
    assert not people.is_good(person.token) and not people.renews(person.refresh_token)
    client.call("retrieve_user", person.id, **ALL).refused(404)
    client.call("delete_user", person.id, **ALL).refused(404)


@pytest.mark.parametrize("call", [
    ("retrieve_user", NOBODY), ("retrieve_user_by_email", "nobody@example.com"), ("retrieve_user_by_username", "nobody"),
    ("retrieve_user_by_login_id", "nobody"), ("update_user", NOBODY, {"user": {"email": "x@y.example"}}),
    ("patch_user", NOBODY, {"user": {}}), ("deactivate_user", NOBODY), ("reactivate_user", NOBODY), ("delete_user", NOBODY),
    ("retrieve_registration", NOBODY, APP["shop"]), ("delete_registration", NOBODY, APP["shop"]),
    ("register", {"registration": {"applicationId": APP["shop"]}}, NOBODY),
    ("update_registration", NOBODY, {"registration": {"applicationId": APP["shop"]}}),
    ("patch_registration", NOBODY, {"registration": {"applicationId": APP["shop"]}}),
], ids=str)
def test_nobody_is_404_and_a_key_without_permission_401(client, call):
    client.call(*call, **ALL).refused(404)
    for key in (KEY["none"], KEY["shows"], UNKNOWN_KEY, None):
        client.call(*call, key=key).refused(401)


def test_no_name_at_all_is_400(http):
    answer = http("GET", "/api/user", key=KEY["all"])
    assert answer.status_code == 400 and "[missing]email" in answer.text


def test_a_password_is_changed_by_whoever_knows_it(client, people):
    person = people.session("shop")
    request = {"loginId": person.email, "currentPassword": person.password, "password": "another good one"}
    client.call("change_password_by_identity", {**request, "currentPassword": "wrong"}, **ALL).refused(404)
    client.call("change_password_by_identity", {**request, "loginId": address()}, **ALL).refused(404)
    client.call("change_password_by_identity", {**request, "password": "short"}, **ALL).refused(400, "[tooShort]password")
    client.call("change_password_by_identity", {"loginId": person.email}, **ALL).refused(400, "[blank]currentPassword")
    client.call("change_password_by_identity", request, key=KEY["none"]).refused(401)
    assert people.is_good(person.token)
    client.call("change_password_by_identity", request, **ALL).empty()
    assert not people.is_good(person.token) and not people.renews(person.refresh_token)
    person.password = request["password"]
    people.sign_in(person, "shop")


def test_a_password_that_must_be_changed_is_so_at_once(client, people):
    person = people.add("shop", passwordChangeRequired=True)
    request = {"loginId": person.email, "currentPassword": person.password, "password": "another good one"}
    client.call("change_password_by_identity", request, **ALL).empty()
    client.call("login", {"loginId": person.email, "password": request["password"]}, **ALL).ok()


def test_an_expired_user_changes_no_password_and_guesses_are_counted(client, people, strict_http, strict_people):
    expired = people.add(expiry=1)
    request = {"loginId": expired.email, "currentPassword": expired.password, "password": "another good one"}
    client.call("change_password_by_identity", request, **ALL).refused(410)
    request = {"loginId": strict_people.add().email, "currentPassword": "wrong", "password": "another good one"}
    answers = [strict_http("POST", "/api/user/change-password", key=KEY["all"], json=request) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert int(answers[3].headers["retry-after"]) > 0


def test_by_jwt_the_session_that_asks_stays_and_the_others_end(http, people):
    person = people.session("shop")
    other = people.sign_in(person, "shop")
    request = {"loginId": person.email, "currentPassword": person.password, "password": "another good one"}
    stranger = people.session("shop")
    assert http("POST", "/api/user/change-password", bearer=stranger.token, json=request).status_code == 404
    assert http("POST", "/api/user/change-password", bearer=person.token, json=request).status_code == 200
    assert people.is_good(person.token) and people.renews(person.refresh_token)
    assert not people.is_good(other["token"]) and not people.renews(other["refreshToken"])


# ---- Registrations

def test_a_registration_has_the_default_roles(client, people):
    person = people.add()
    found = client.call("register", {"registration": {"applicationId": APP["shop"]}}, person.id, **ALL).ok()
    assert set(found) == {"registration"}
    assert (found["registration"]["applicationId"], found["registration"]["roles"]) == (APP["shop"], ["user"])
    assert client.call("retrieve_registration", person.id, APP["shop"], **ALL).ok() == found
    client.call("register", {"registration": {"applicationId": APP["shop"]}}, person.id, **ALL).refused(
        400, "[duplicate]registration")


def test_a_full_registration_makes_the_user_and_signs_them_in(client, people):
    email = address()
    request = {"user": {"email": email, "password": PASSWORD},
               "registration": {"applicationId": APP["shop"], "roles": ["admin"], "username": "shopper", "data": {"a": 1}}}
    found = client.call("register", request, **ALL).ok()
    assert found["user"]["email"] == email and found["registration"]["roles"] == ["admin"]
    assert found["registration"]["username"] == "shopper" and found["registration"]["data"] == {"a": 1}
    assert client.call("validate_jwt", found["token"]).ok()["jwt"]["roles"] == ["admin"]
    assert client.call("validate_jwt", found["token"]).ok()["jwt"]["authenticationType"] == "USER_CREATE"
    assert people.renews(found["refreshToken"])
    identity = str(uuid.uuid4())
    request["user"]["email"] = address()
    assert client.call("register", request, identity, **ALL).ok()["user"]["id"] == identity
    client.call("register", request, **ALL).refused(400, "[duplicate]user.email")


@pytest.mark.parametrize("registration, code", [
    ({}, "[missing]registration.applicationId"),
    ({"applicationId": NOBODY}, "[invalid]registration.applicationId"),
    ({"applicationId": "x"}, "[couldNotConvert]registration.applicationId"),
    ({"applicationId": APP["shop"], "roles": ["nothing"]}, "[invalid]registration.roles"),
    ({"applicationId": APP["shop"], "roles": "admin"}, "[couldNotConvert]registration.roles"),
], ids=str)
def test_a_wrong_registration_is_400(client, people, registration, code):
    client.call("register", {"registration": registration}, people.add().id, **ALL).refused(400, code)


def test_a_registration_of_nobody_is_400(client):
    client.call("register", {"registration": {"applicationId": APP["shop"]}}, **ALL).refused(400, "[missing]userId")


def test_put_replaces_and_patch_merges_a_registration(client, people, http):
    person = people.add("shop", roles={"shop": ["admin", "user"]})
    registration = {"applicationId": APP["shop"], "data": {"a": 1, "b": 2}}
    found = client.call("patch_registration", person.id, {"registration": registration}, **ALL).ok()["registration"]
    assert found["roles"] == ["admin", "user"] and found["data"] == {"a": 1, "b": 2}
    found = client.call("update_registration", person.id, {"registration": {"applicationId": APP["shop"], "roles": ["user"]}},
                        **ALL).ok()["registration"]
    assert found["roles"] == ["user"] and "data" not in found
    client.call("update_registration", person.id, {"registration": {"applicationId": APP["shop"], "roles": ["x"]}},
                **ALL).refused(400, "[invalid]registration.roles")
    client.call("update_registration", person.id, {"registration": {}}, **ALL).refused(
        400, "[missing]registration.applicationId")
    # With the application in the path.
    for method in ("PUT", "PATCH"):
        answer = http(method, f"/api/user/registration/{person.id}/{APP['shop']}", key=KEY["all"],
                      json={"registration": {"roles": ["admin"]}})
        assert answer.status_code == 200 and answer.json()["registration"]["roles"] == ["admin"]


def test_the_loss_of_a_role_ends_the_tokens_that_say_it(client, people):
    person = people.session("shop", roles={"shop": ["admin", "user"]})
    client.call("patch_registration", person.id, {"registration": {"applicationId": APP["shop"], "roles": ["user"]}}, **ALL).ok()
    assert not people.is_good(person.token)
    # The session goes on, with what is left.
    token = client.call("exchange_refresh_token_for_jwt", {"refreshToken": person.refresh_token}).ok()["token"]
    assert client.call("validate_jwt", token).ok()["jwt"]["roles"] == ["user"]


def test_the_loss_of_the_registration_ends_the_sessions_there(client, people):
    person = people.session("shop", "wiki")
    elsewhere = people.sign_in(person, "wiki")
    client.call("delete_registration", person.id, APP["shop"], **ALL).empty()
    assert not people.is_good(person.token) and not people.renews(person.refresh_token)
    assert people.is_good(elsewhere["token"])
    client.call("retrieve_registration", person.id, APP["shop"], **ALL).refused(404)
    client.call("delete_registration", person.id, APP["shop"], **ALL).refused(404)


def test_malformed_ids_are_400(client):
    client.call("retrieve_user", "bad-id", **ALL).refused(400, "[couldNotConvert]userId")
    client.call("retrieve_registration", "bad-id", APP["shop"], **ALL).refused(400, "[couldNotConvert]userId")
    client.call("delete_registration", NOBODY, "bad-id", **ALL).refused(400, "[couldNotConvert]applicationId")
