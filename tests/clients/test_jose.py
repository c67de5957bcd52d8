"""Tokens and key sets as an unrelated library reads them (PyJWT, cryptography): jwt-api.md section 4.1."""

import uuid

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from conftest import Http, People
from server import APP, ISSUER, KEY, SECRET, TENANT, Server

ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]
REQUIRED = ["aud", "exp", "iat", "iss", "sub", "jti", "sid", "auth_time", "authenticationType"]
IN_ORDER = ["aud", "exp", "iat", "iss", "sub", "jti", "authenticationType", "email", "email_verified", "preferred_username",
            "applicationId", "roles", "sid", "auth_time", "tid", "derived_from", "from_applications"]
TYPES = {"aud": str, "exp": int, "iat": int, "iss": str, "sub": str, "jti": str, "authenticationType": str, "email": str,
         "email_verified": bool, "preferred_username": str, "applicationId": str, "roles": list, "sid": str, "auth_time": int,
         "tid": str, "derived_from": list, "from_applications": list}


def key_set(http):
    return {key["kid"]: key for key in http("GET", "/.well-known/jwks.json").json()["keys"]}


def verified(token, http, audience):
    """The claims, after the library has verified the token by the key set."""
    header = jwt.get_unverified_header(token)
    key = key_set(http)[header["kid"]]
    assert key["alg"] == header["alg"] and key["use"] == "sig"
    return jwt.decode(token, jwt.PyJWK(key), algorithms=[key["alg"]], audience=audience, issuer=ISSUER,
                      options={"require": REQUIRED})


def check_claims(claims):
    for name, value in claims.items():
        assert type(value) is TYPES[name], (name, value)
    assert list(claims) == [name for name in IN_ORDER if name in claims]
    for name in ("jti", "sid"):
        assert uuid.UUID(claims[name]).version == 7, name
    for name in ("sub", "applicationId", "tid"):
        assert name not in claims or str(uuid.UUID(claims[name])) == claims[name]
    assert claims["auth_time"] <= claims["iat"] < claims["exp"] < 4_000_000_000


def check_keys_agree(http, kid, application=None):
    """The PEM of an id, of an application or `default`, and the key set are one key."""
    keys = http("GET", "/api/jwt/public-key").json()["publicKeys"]
    pem = keys[kid]
    assert keys[application or "default"] == pem
    as_bytes = lambda key: key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # noqa: E731
    assert as_bytes(jwt.PyJWK(key_set(http)[kid]).key) == as_bytes(load_pem_public_key(pem.encode())) == pem.encode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_key_of_an_application(http, people, algorithm):
    name = algorithm.lower()
    token = people.session(name, username=f"u-{uuid.uuid4().hex}").token
    header = jwt.get_unverified_header(token)
    assert set(header) == {"alg", "kid", "typ"} and (header["alg"], header["typ"]) == (algorithm, "JWT")
    claims = verified(token, http, APP[name])
    check_claims(claims)
    assert claims["aud"] == claims["applicationId"] == APP[name]
    check_keys_agree(http, header["kid"], APP[name])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_key_of_the_authority(tmp_path, algorithm):
    server = Server(tmp_path, f'signing_algorithm = "{algorithm}"')
    try:
        people, http = People(server), Http(server.url)
        token = people.session("shop").token
        header = jwt.get_unverified_header(token)
        assert header["alg"] == algorithm
        check_claims(verified(token, http, APP["shop"]))
        check_keys_agree(http, header["kid"])
        vended = http("POST", "/api/jwt/vend", key=KEY["all"], json={"claims": {"a": 1}}).json()["token"]
        key = key_set(http)[jwt.get_unverified_header(vended)["kid"]]
        assert jwt.decode(vended, jwt.PyJWK(key), algorithms=[key["alg"]])["a"] == 1
    finally:
        server.stop()


def test_a_shared_secret_has_an_id_and_is_published_nowhere(http, people):
    token = people.session("hs256").token
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "HS256" and header["kid"]
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience=APP["hs256"], issuer=ISSUER, options={"require": REQUIRED})
    check_claims(claims)
    published = http("GET", "/.well-known/jwks.json").text + http("GET", "/api/jwt/public-key").text
    assert header["kid"] not in published and SECRET not in published and '"oct"' not in published
    # A token that its application could have made is no credential of the authority's.
    assert http("GET", "/api/jwt/refresh", bearer=token).status_code == 401


def test_a_secret_does_not_sign_what_is_for_no_application(http, people):
    person = people.add()
    token = people.sign_in(person, "hs256")["token"]
    claims = verified(token, http, ISSUER)
    assert "applicationId" not in claims and "roles" not in claims
    check_claims(claims)


def test_every_way_to_a_token_says_the_same_of_itself(http, people):
    person = people.session("shop", "wiki")
    refreshed = http("POST", "/api/jwt/refresh", json={"refreshToken": person.refresh_token}).json()["token"]
    issued = http("GET", f"/api/jwt/issue?applicationId={APP['wiki']}", bearer=refreshed).json()["token"]
    found = [verified(token, http, APP[name]) for token, name in [(person.token, "shop"), (refreshed, "shop"), (issued, "wiki")]]
    for claims in found:
        check_claims(claims)
    assert [claims["authenticationType"] for claims in found] == ["PASSWORD", "REFRESH_TOKEN", "JWT_SSO"]
    assert len({claims["sid"] for claims in found}) == len({claims["auth_time"] for claims in found}) == 1
    assert found[0]["sid"] == person.refresh_token_id
    assert len({claims["jti"] for claims in found}) == 3
    assert found[2]["exp"] == found[1]["exp"]
    assert found[2]["derived_from"] == [person.refresh_token_id, found[1]["jti"]]
    assert [claims.get("from_applications") for claims in found] == [None, None, [APP["shop"]]]


def test_a_tenant_is_said_where_there_is_one(strict_http, strict_people, people):
    claims = verified(strict_people.session("shop").token, strict_http, APP["shop"])
    check_claims(claims)
    assert claims["tid"] == TENANT
    assert "tid" not in jwt.decode(people.session("shop").token, options={"verify_signature": False})


def test_a_userless_name_is_left_out(http, people):
    body = {"user": {"username": f"u-{uuid.uuid4().hex}", "password": "correct horse battery"},
            "registration": {"applicationId": APP["shop"]}}
    token = http("POST", "/api/user/registration", key=KEY["all"], json=body).json()["token"]
    claims = verified(token, http, APP["shop"])
    check_claims(claims)
    assert "email" not in claims and "email_verified" not in claims and claims["preferred_username"] == body["user"]["username"]
