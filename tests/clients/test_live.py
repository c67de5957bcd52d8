"""The 19 cases that a public Elixir client's tests assert of a real server (jwt-api.md section 9.2), as requests by hand
in that client's manner: `JWT ` for validate and `Bearer ` elsewhere, JSON bodies with a bogus `Length` header, an empty
tenant header. `{…}` stands for what the sign-in of the set-up gave. Where the decision table overrules the case, the row
says so."""

import pytest

from server import APP, KEY

UNKNOWN = "99999999-0000-4000-8000-000000000000"
RAW = {"X-FusionAuth-TenantId": ""}
BY_KEY = {**RAW, "Authorization": KEY["all"]}
BEARER = {"Authorization": "Bearer {token}"}

# number, method, target, headers, JSON body, status, body: "" or the members of a map
CASES = [
    (1, "GET", "/api/jwt/issue?applicationId={app}&refreshToken={refresh}", BEARER, None, 200, {"token", "refreshToken"}),
    (2, "GET", "/api/jwt/issue?applicationId={app}&refreshToken={refresh}", {"Authorization": "Bearer 123123"}, None, 401, ""),
    (3, "GET", "/api/jwt/public-key", BY_KEY, None, 200, {"publicKeys"}),
    (4, "GET", "/api/jwt/public-key?applicationId={rs256}", BY_KEY, None, 200, {"publicKey"}),
    (5, "GET", f"/api/jwt/public-key?applicationId={UNKNOWN}", BY_KEY, None, 404, ""),
    (6, "GET", "/api/jwt/public-key?kid={first_key}", BY_KEY, None, 200, {"publicKey"}),
    (7, "GET", "/api/jwt/public-key?kid=bad-id", BY_KEY, None, 404, ""),
    # Decision table: three members, where older servers answer with the token alone.
    (8, "POST", "/api/jwt/refresh", BY_KEY, {"refreshToken": "{refresh}", "token": "{token}"}, 200,
     {"token", "refreshToken", "refreshTokenId"}),
    (9, "GET", "/api/jwt/refresh?userId={user}", BY_KEY, None, 200, {"refreshTokens"}),
    (10, "GET", "/api/jwt/refresh?userId={user}", {**RAW, "Authorization": ""}, None, 401, ""),
    (11, "GET", "/api/jwt/refresh", BEARER, None, 200, {"refreshTokens"}),
    (12, "GET", "/api/jwt/refresh", {"Authorization": "Bearer bad-token"}, None, 401, ""),
    (13, "DELETE", "/api/jwt/refresh?applicationId={app}", BY_KEY, None, 200, ""),
    (14, "DELETE", "/api/jwt/refresh?userId={user}", BY_KEY, None, 200, ""),
    (15, "DELETE", "/api/jwt/refresh?userId={user}", {**RAW, "Authorization": ""}, None, 401, ""),
    # Decision table: 404 and empty, as the seed says, where the real 1.35.0 answered 400 `[invalid]userId`.
    (16, "DELETE", f"/api/jwt/refresh?userId={UNKNOWN}", BY_KEY, None, 404, ""),
    (17, "DELETE", "/api/jwt/refresh?token={refresh}", BY_KEY, None, 200, ""),
    (18, "GET", "/api/jwt/validate", {"Authorization": "JWT {token}"}, None, 200, {"jwt"}),
    (19, "GET", "/api/jwt/validate", {"Authorization": "JWT bad-token"}, None, 401, ""),
]


@pytest.mark.parametrize("number, method, target, headers, body, status, expected", CASES, ids=[str(case[0]) for case in CASES])
def test_live(http, people, number, method, target, headers, body, status, expected):
    # `eddsa` is the application of case 13 too: nobody else's sessions are there.
    person = people.session("eddsa")
    first_key = next(iter(http("GET", "/api/jwt/public-key").json()["publicKeys"]))
    values = {"app": APP["eddsa"], "rs256": APP["rs256"], "token": person.token, "refresh": person.refresh_token,
              "user": person.id, "first_key": first_key}
    options = {}
    if body is not None:
        options["json"] = {name: value.format(**values) for name, value in body.items()}
        headers = {**headers, "Length": "123"}
    headers = {name: value.format(**values) for name, value in headers.items()}
    answer = http(method, target.format(**values), headers=headers, **options)
    assert answer.status_code == status
    if expected == "":
        assert answer.content == b"" and "content-type" not in answer.headers
    else:
        assert set(answer.json()) == expected


@pytest.mark.parametrize("method, target, body, status, members", [
    ("POST", "/api/login", {"loginId": "{email}", "password": "wrong"}, 404, ""),
    ("POST", "/api/login", {"loginId": "{email}", "password": "{password}"}, 200, {"token", "tokenExpirationInstant", "user"}),
    ("POST", "/api/login", {"loginId": "{email}", "password": "{password}", "applicationId": "{app}"}, 200,
     {"token", "tokenExpirationInstant", "refreshToken", "refreshTokenId", "user"}),
    ("PUT", "/api/login/{user}", {}, 200, {"user"}),
    ("POST", "/api/logout?global=true&refreshToken={refresh}", {}, 200, ""),
])
def test_live_sign_in(http, people, method, target, body, status, members):
    person = people.session("eddsa")
    values = {"email": person.email, "password": person.password, "app": APP["eddsa"], "user": person.id,
              "refresh": person.refresh_token}
    answer = http(method, target.format(**values), headers=BY_KEY, json={name: value.format(**values) for name, value in body.items()})
    assert answer.status_code == status
    assert answer.content == b"" if members == "" else set(answer.json()) == members
