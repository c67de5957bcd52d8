"""Public keys, key set and discovery: jwt-api.md sections 2.3, 2.9 and 2.10."""

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from process import fetch
from server import APP, ISSUER, UNKNOWN_KEY

ASYMMETRIC = ["rs256", "ps256", "es256", "es384", "eddsa"]


def test_every_key_is_there_by_id_and_by_application(client):
    keys = client.call("retrieve_jwt_public_keys").ok()["publicKeys"]
    listed = client.call("retrieve_json_web_key_set").ok()["keys"]
    assert {key["kid"] for key in listed} < set(keys)
    names = set(keys) - {key["kid"] for key in listed}
    assert names == {"default"} | {APP[name] for name in ASYMMETRIC}
    for pem in keys.values():
        load_pem_public_key(pem.encode())


def test_any_name_of_the_map_is_a_key_id(client):
    keys = client.call("retrieve_jwt_public_keys").ok()["publicKeys"]
    for name, pem in keys.items():
        assert client.call("retrieve_jwt_public_key", name).ok() == {"publicKey": pem}


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_by_application(client, name):
    keys = client.call("retrieve_jwt_public_keys").ok()["publicKeys"]
    found = client.call("retrieve_jwt_public_key_by_application_id", APP[name]).ok()
    assert found == {"publicKey": keys[APP[name]]}


@pytest.mark.parametrize("name", ["hs256", "shop"])
def test_an_application_with_a_secret_or_with_the_common_key_has_none(client, name):
    client.call("retrieve_jwt_public_key_by_application_id", APP[name]).refused(404)


@pytest.mark.parametrize("name", ["99999999-0000-4000-8000-000000000000", "asdf"])
def test_what_is_not_there_is_404_and_empty(client, name):
    client.call("retrieve_jwt_public_key_by_application_id", name).refused(404)
    client.call("retrieve_jwt_public_key", name).refused(404)


def test_a_credential_is_ignored_and_key_id_is_an_alias(http):
    for authorization in ("", UNKNOWN_KEY, "Bearer nothing", "JWT x.y.z"):
        assert http("GET", "/api/jwt/public-key", key=authorization).status_code == 200
    for query in ("kid=default", "keyId=default", f"kid=default&applicationId={APP['hs256']}", "kid=null&keyId=default"):
        assert http("GET", f"/api/jwt/public-key?{query}").json()["publicKey"]


def test_the_key_set_has_public_members_alone(client):
    keys = client.call("retrieve_json_web_key_set").ok()["keys"]
    for key in keys:
        assert not set(key) & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}, key
    assert len({key["kid"] for key in keys}) == len(keys)


def test_discovery_lists_what_is_served_and_each_address_answers(client, people):
    document = client.call("retrieve_open_id_configuration").ok()
    assert document["issuer"] == ISSUER
    addresses = {name: value for name, value in document.items() if isinstance(value, str) and name != "issuer"}
    assert set(addresses) == {"jwks_uri", "userinfo_endpoint", "introspection_endpoint", "revocation_endpoint"}
    token = people.session("shop").token
    bearer = {"Authorization": f"Bearer {token}"}
    assert fetch(document["jwks_uri"])[0] == 200
    assert fetch(document["userinfo_endpoint"], headers=bearer)[0] == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert fetch(document["introspection_endpoint"], data=f"token={token}".encode(), headers=form)[0] == 200
    assert fetch(document["revocation_endpoint"], data=f"token={token}".encode(), headers=form)[0] == 200
    signing = {key["alg"] for key in client.call("retrieve_json_web_key_set").ok()["keys"]}
    assert set(document["id_token_signing_alg_values_supported"]) - {"HS256"} <= signing
