"""FusionAuth's Python and TypeScript clients, unmodified, behind one interface, so that a test is written once.

`Client.call(function, ...)` takes the Python client's name and argument order. What it returns says what the *client*
made of the answer; whatever no answer may make a client do (jwt-api.md section 1.4) fails there, in every test."""

import dataclasses
import inspect
import json
import pathlib
import subprocess
import types

from fusionauth.fusionauth_client import FusionAuthClient

ABSENT = "\0undefined"

# jwt-api.md section 3, and what of section 2.15 the clients have: Python's name, TypeScript's name.
FUNCTIONS = {
    "issue_jwt": "issueJWT",
    "reconcile_jwt": "reconcileJWT",
    "retrieve_jwt_public_keys": "retrieveJWTPublicKeys",
    "retrieve_jwt_public_key_by_application_id": "retrieveJWTPublicKeyByApplicationId",
    "retrieve_jwt_public_key": "retrieveJWTPublicKey",
    "retrieve_json_web_key_set": "retrieveJsonWebKeySet",
    "retrieve_open_id_configuration": "retrieveOpenIdConfiguration",
    "exchange_refresh_token_for_jwt": "exchangeRefreshTokenForJWT",
    "retrieve_refresh_tokens": "retrieveRefreshTokens",
    "retrieve_refresh_token_by_id": "retrieveRefreshTokenById",
    "revoke_refresh_token": "revokeRefreshToken",
    "revoke_refresh_token_by_id": "revokeRefreshTokenById",
    "revoke_refresh_token_by_token": "revokeRefreshTokenByToken",
    "revoke_refresh_tokens_by_user_id": "revokeRefreshTokensByUserId",
    "revoke_refresh_tokens_by_application_id": "revokeRefreshTokensByApplicationId",
    "revoke_refresh_tokens_by_user_id_for_application": "revokeRefreshTokensByUserIdForApplication",
    "revoke_refresh_tokens_with_request": "revokeRefreshTokensWithRequest",
    "validate_jwt": "validateJWT",
    "vend_jwt": "vendJWT",
    "logout": "logout",
    "logout_with_request": "logoutWithRequest",
    "login": "login",
    "login_ping": "loginPing",
    "login_ping_with_request": "loginPingWithRequest",
    "introspect_access_token": "introspectAccessToken",
    "introspect_access_token_with_request": "introspectAccessTokenWithRequest",
    "introspect_client_credentials_access_token": "introspectClientCredentialsAccessToken",
    "introspect_client_credentials_access_token_with_request": "introspectClientCredentialsAccessTokenWithRequest",
    "retrieve_user_info_from_access_token": "retrieveUserInfoFromAccessToken",
    "retrieve_system_status": "retrieveSystemStatus",
    "retrieve_system_status_using_api_key": "retrieveSystemStatusUsingAPIKey",
    "create_user": "createUser",
    "retrieve_user": "retrieveUser",
    "retrieve_user_by_email": "retrieveUserByEmail",
    "retrieve_user_by_username": "retrieveUserByUsername",
    "retrieve_user_by_login_id": "retrieveUserByLoginId",
    "update_user": "updateUser",
    "patch_user": "patchUser",
    "deactivate_user": "deactivateUser",
    "reactivate_user": "reactivateUser",
    "delete_user": "deleteUser",
    "change_password_by_identity": "changePasswordByIdentity",
    "register": "register",
    "retrieve_registration": "retrieveRegistration",
    "update_registration": "updateRegistration",
    "patch_registration": "patchRegistration",
    "delete_registration": "deleteRegistration",
}

# TypeScript has the optional id first, Python last.
ID_FIRST = {"create_user", "register"}
# Python reads attributes of the request there, where everywhere else it takes a dictionary.
BY_ATTRIBUTE = {"introspect_access_token_with_request", "introspect_client_credentials_access_token_with_request"}


@dataclasses.dataclass
class Outcome:
    """What a client made of an answer. `body` is None where it made nothing of it."""
    successful: bool
    status: int
    body: object

    def refused(self, status, code=None):
        """Asserts a refusal: an empty one, or one that names `code`."""
        assert not self.successful and self.status == status, self
        if code is None:
            assert self.body is None, self
            return self
        assert set(self.body) == {"fieldErrors", "generalErrors"}, self
        field = code.partition("]")[2]
        entries = self.body["fieldErrors"][field] if field else self.body["generalErrors"]
        assert code in [entry["code"] for entry in entries], self
        return self

    def empty(self):
        """Asserts a success without a body."""
        assert (self.successful, self.status, self.body) == (True, 200, None), self
        return self

    def ok(self, status=200):
        """Asserts a success with a document, which is returned."""
        assert self.successful and self.status == status and isinstance(self.body, dict), self
        return self.body


class PythonClient:
    name = "python"

    def __init__(self, url):
        self.url = url
        self.calls = set()

    def stop(self):
        pass

    def call(self, function, *arguments, key=None, tenant=None, url=None):
        self.calls.add(function)
        client = FusionAuthClient(key, url or self.url)
        if tenant is not None:
            client.set_tenant_id(tenant)
        if function in BY_ATTRIBUTE:
            wanted = dict.fromkeys(["client_id", "tenantId", "token", "token_type_hint"])
            arguments = [types.SimpleNamespace(**{**wanted, **arguments[0]})]
        # No answer may make it raise: it does where a 400 is no JSON.
        answer = getattr(client, function)(*arguments)
        assert answer.exception is None
        if answer.was_successful():
            return Outcome(True, answer.status, answer.success_response)
        refusal = answer.error_response
        if answer.status == 404:
            assert refusal is None, "the client reads no body of a 404"
        elif answer.status == 400:
            assert isinstance(refusal, dict)
        else:
            refusal = refusal.json() if refusal.content else None
        return Outcome(False, answer.status, refusal)


class TypeScriptClient:
    name = "typescript"

    def __init__(self, url):
        self.url = url
        self.calls = set()
        folder = pathlib.Path(__file__).parent / "node"
        self.process = subprocess.Popen(["node", "driver.js"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, start_new_session=True)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)

    def call(self, function, *arguments, key=None, tenant=None, url=None):
        self.calls.add(function)
        request = {"url": url or self.url, "key": key, "tenant": tenant, "function": FUNCTIONS[function],
                   "arguments": in_its_order(function, arguments)}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        # A content type without a body, or with another body, makes its promise fail with an Error of its own.
        assert answer["error"] is None, answer["error"]
        assert answer["resolved"] == (200 <= answer["status"] < 300), answer
        return Outcome(answer["resolved"], answer["status"], answer["body"] if answer["hasBody"] else None)


def in_its_order(function, arguments):
    """The arguments for TypeScript, with `undefined` for those that Python has defaults for."""
    parameters = list(inspect.signature(getattr(FusionAuthClient, function)).parameters)[1:]
    padded = list(arguments) + [ABSENT] * (len(parameters) - len(arguments))
    return [padded[1], padded[0]] if function in ID_FIRST else padded
