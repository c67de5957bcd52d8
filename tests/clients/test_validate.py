"""Validate, vend, introspect, RFC 7009 revoke and userinfo: jwt-api.md sections 2.7, 2.8, 2.11, 2.12 and 2.15."""

import time

import jwt
import pytest

from server import APP, KEY, UNKNOWN_KEY

INTROSPECT = "introspect_access_token"


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_the_whole_payload_comes_back_with_times_in_seconds(client, people):
    token = people.session("shop").token
    found = client.call("validate_jwt", token).ok()["jwt"]
    assert found == claims(token)
    assert abs(found["iat"] - time.time()) < 60 and found["exp"] - found["iat"] == 3600


@pytest.mark.parametrize("name", ["rs256", "ps256", "es256", "es384", "eddsa", "hs256"])
def test_tokens_of_every_algorithm(client, people, name):
    client.call("validate_jwt", people.session(name).token).ok()


def test_anything_wrong_is_401_and_empty(client, people):
    token = people.session("shop").token
    head, payload, signature = token.split(".")
    unsigned = jwt.encode(claims(token), None, "none")
    shifted = signature[:-10] + ("A" if signature[-10] != "A" else "B") + signature[-9:]
    for bad in ("bad-token", "", f"{head}.{payload}", f"{head}.{payload}.{shifted}", f"{head}.{payload}.", unsigned):
        client.call("validate_jwt", bad).refused(401)


def test_expired_is_401(client, people):
    token = people.session("brief").token
    client.call("validate_jwt", token).ok()
    time.sleep(max(0, claims(token)["exp"] - time.time() + 1.1))
    client.call("validate_jwt", token).refused(401)


def test_revoked_is_401(client, people):
    person = people.session("shop")
    client.call("revoke_refresh_tokens_by_user_id", person.id, key=KEY["all"]).empty()
    client.call("validate_jwt", person.token).refused(401)


def test_no_token_is_401_and_a_cookie_serves(http, people):
    assert http("GET", "/api/jwt/validate").status_code == 401
    assert http("GET", "/api/jwt/validate", key=KEY["all"]).status_code == 401
    token = people.session("shop").token
    assert http("GET", "/api/jwt/validate", headers={"Cookie": f"access_token={token}"}).json() == {"jwt": claims(token)}


def test_a_vended_token_says_what_it_is_told_but_for_what_the_server_says(client):
    wanted = {"sub": "robot", "scope": ["a", {"b": 1}], "exp": 1, "iat": 2, "jti": "mine", "amr": ["x"], "cnf": {}}
    token = client.call("vend_jwt", {"claims": wanted, "timeToLiveInSeconds": 60}, key=KEY["all"]).ok()["token"]
    found, header = claims(token), jwt.get_unverified_header(token)
    assert header["typ"] == "vend+jwt"
    assert set(found) == {"sub", "scope", "exp", "iat", "jti"}
    assert found["sub"] == "robot" and found["scope"] == wanted["scope"] and found["jti"] != "mine"
    assert found["exp"] - found["iat"] == 60 and abs(found["iat"] - time.time()) < 10
    assert client.call("validate_jwt", token).ok() == {"jwt": found}
    assert header["kid"] in client.call("retrieve_jwt_public_keys").ok()["publicKeys"]


def test_a_vended_token_is_no_credential(client, people, http):
    person = people.session("shop")
    token = client.call("vend_jwt", {"claims": {**claims(person.token)}}, key=KEY["all"]).ok()["token"]
    client.call("issue_jwt", APP["shop"], token).refused(401)
    assert http("GET", "/api/jwt/refresh", bearer=token).status_code == 401
    assert client.call(INTROSPECT, None, token).ok() == {"active": False}


def test_what_vend_refuses(client, http):
    client.call("vend_jwt", {"timeToLiveInSeconds": 3601}, key=KEY["all"]).refused(400, "[tooLarge]timeToLiveInSeconds")
    client.call("vend_jwt", {"timeToLiveInSeconds": 0}, key=KEY["all"]).refused(400, "[invalid]timeToLiveInSeconds")
    client.call("vend_jwt", {"keyId": "nobodys"}, key=KEY["all"]).refused(400, "[invalid]keyId")
    client.call("vend_jwt", {"claims": 1}, key=KEY["all"]).refused(400, "[couldNotConvert]claims")
    for key in (KEY["none"], KEY["reads"], UNKNOWN_KEY, None):
        client.call("vend_jwt", {}, key=key).refused(401)
    client.call("vend_jwt", {}, key=KEY["all"]).ok()
    assert http("POST", "/api/jwt/vend", key=KEY["all"]).status_code == 200, "all of the body is optional"


@pytest.mark.parametrize("function", [INTROSPECT, f"{INTROSPECT}_with_request"])
def test_an_active_token_is_introspected(client, people, function):
    token = people.session("shop").token
    arguments = (APP["shop"], token) if function == INTROSPECT else ({"client_id": APP["shop"], "token": token},)
    assert client.call(function, *arguments).ok() == {"active": True, **claims(token)}


@pytest.mark.parametrize("function", ["introspect_client_credentials_access_token",
                                      "introspect_client_credentials_access_token_with_request"])
def test_possession_suffices(client, people, function):
    token = people.session("shop").token
    argument = {"token": token} if function.endswith("request") else token
    assert client.call(function, argument).ok()["active"] is True


def test_what_is_not_active_says_nothing_else(client, people):
    revoked = people.session("shop")
    client.call("revoke_refresh_token_by_token", revoked.refresh_token, key=KEY["all"]).empty()
    for token in ("bad", "a.b.c", revoked.token, people.session("hs256").token):
        assert client.call(INTROSPECT, APP["shop"], token).ok() == {"active": False}


def test_another_clients_token_and_no_token(client, people):
    found = client.call(INTROSPECT, APP["wiki"], people.session("shop").token)
    assert (found.status, found.body["error"], found.body["error_reason"]) == (401, "invalid_client", "client_id_mismatch")
    found = client.call(INTROSPECT, APP["shop"], "")
    assert (found.status, found.body["error"], found.body["error_reason"]) == (400, "invalid_request", "missing_token")


def test_a_token_is_revoked_by_whoever_has_it(http, people):
    """RFC 7009, which the clients have no function for."""
    one, other = people.session("shop", "wiki"), people.session("shop")
    issued = http("GET", f"/api/jwt/issue?applicationId={APP['wiki']}", bearer=one.token).json()["token"]
    revoke = lambda **form: http("POST", "/oauth2/revoke", data=form)  # noqa: E731
    holds = lambda token: http("GET", "/api/jwt/validate", bearer=token).status_code == 200  # noqa: E731
    found = revoke(token=one.token, client_id=APP["wiki"])
    assert (found.status_code, found.json()["error"], found.json()["error_reason"]) == (401, "invalid_client", "client_id_mismatch")
    found = revoke(token_type_hint="access_token")
    assert (found.status_code, found.json()["error"], found.json()["error_reason"]) == (400, "invalid_request", "missing_token")
    assert holds(one.token) and holds(issued)
    for _ in range(2):
        found = revoke(token=one.token, client_id=APP["shop"], token_type_hint="refresh_token")
        assert (found.status_code, found.content) == (200, b"")
    assert not holds(one.token) and not holds(issued) and people.renews(one.refresh_token)
    assert revoke(token=other.refresh_token, token_type_hint="pigeon").status_code == 200
    assert not holds(other.token) and not people.renews(other.refresh_token)
    assert revoke(token="unknown").status_code == 200


def test_userinfo_is_the_users_record(client, people):
    person = people.session("shop", username=f"ann-{time.time_ns()}", firstName="Ann", lastName="Lee", timezone="Europe/Rome",
                            birthDate="1990-01-02", roles={"shop": ["admin"]})
    found = client.call("retrieve_user_info_from_access_token", person.token).ok()
    assert found["sub"] == person.id and found["email"] == person.email and found["email_verified"] is False
    assert (found["given_name"], found["family_name"], found["zoneinfo"]) == ("Ann", "Lee", "Europe/Rome")
    assert found["preferred_username"] == person.name and found["birthdate"] == "1990-01-02"
    assert (found["applicationId"], found["roles"]) == (APP["shop"], ["admin"])


def test_userinfo_by_post_and_in_both_schemes(http, people):
    token = people.session("shop").token
    for method in ("GET", "POST"):
        for scheme in ("Bearer", "JWT"):
            assert http(method, "/oauth2/userinfo", key=f"{scheme} {token}").status_code == 200


def test_userinfo_of_no_good_token_is_an_oauth_error(client, http, people):
    for token in ("bad-token", "", people.session("hs256").token):
        found = client.call("retrieve_user_info_from_access_token", token)
        assert (found.status, found.body["error"]) == (401, "invalid_token")
    # The header is required.
    token = people.session("shop").token
    for headers in ({}, {"Cookie": f"access_token={token}"}):
        answer = http("GET", "/oauth2/userinfo", headers=headers)
        assert answer.status_code == 401 and answer.json()["error_reason"] == "missing_token"
        assert answer.headers["www-authenticate"] == "Bearer"
