"""Ordinary traffic to ordinary servers passes unchanged, and only with a good token."""

import hashlib
import json

import pytest
from conftest import BACKENDS
from process import fetch

FILE_BACKENDS = ["nginx", "python"]
BIG = hashlib.sha256(bytes(range(256)) * 4096 * 16).hexdigest()


@pytest.mark.parametrize("name", BACKENDS)
def test_nothing_passes_without_a_token(gateway, name):
    status, headers, body = gateway.get(f"/{name}/hello.txt")
    assert status == 401
    assert headers["WWW-Authenticate"].startswith("Bearer")
    assert "error=" not in headers["WWW-Authenticate"], "RFC 6750 section 3.1: no error where nothing was presented"
    assert b"hello" not in body


@pytest.mark.parametrize("name", FILE_BACKENDS)
def test_a_file_arrives_whole_and_in_parts(gateway, token, name):
    status, headers, body = gateway.get(f"/{name}/hello.txt", token)
    assert (status, body.decode()) == (200, f"hello from {name}\n")
    assert headers["Cache-Control"] == "private", "an authenticated answer is nobody else's"
    status, headers, body = gateway.get(f"/{name}/big.bin", token)
    assert status == 200 and hashlib.sha256(body).hexdigest() == BIG
    status, headers, body = gateway.get(f"/{name}/missing", token)
    assert status == 404


def test_ranges_and_validators_are_the_backends_own(gateway, token):
    status, headers, body = gateway.get("/nginx/big.bin", token, {"Range": "bytes=256-511"})
    assert (status, body) == (206, bytes(range(256)))
    etag = headers["ETag"]
    status, _, body = gateway.get("/nginx/big.bin", token, {"If-None-Match": etag})
    assert (status, body) == (304, b"")


@pytest.mark.parametrize("name", BACKENDS)
def test_head_has_no_body(gateway, token, name):
    path = "hello.txt" if name in FILE_BACKENDS else "x"
    status, _, body = gateway.get(f"/{name}/{path}", token, method="HEAD")
    assert (status, body) == (200, b"")


@pytest.mark.parametrize("name", ["node", "uvicorn"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_bodies_arrive_whole(gateway, token, name, method):
    sent = bytes(range(256)) * 1000
    received = gateway.received(f"/{name}/upload?x=1", token, data=sent, method=method)
    assert received["method"] == method
    assert (received["size"], received["sha256"]) == (len(sent), hashlib.sha256(sent).hexdigest())


def test_a_large_upload_streams(gateway, token):
    sent = bytes(20 * 1024 * 1024)
    received = gateway.received("/node/upload", token, data=sent, method="POST")
    assert received["sha256"] == hashlib.sha256(sent).hexdigest()


@pytest.mark.parametrize("target", ["/node/a?b=c&d=%20e", "/node/%C3%A4?q=%2F", "/node/a+b;v=1", "/node/~x/", "/node"])
def test_the_target_arrives_byte_for_byte(gateway, token, target):
    assert gateway.received(target, token)["target"] == target


@pytest.mark.parametrize("target", ["/node/../nginx/x", "/node/%2e%2e/x", "/node/a%00", "/node/a%2fb", "/node/%zz", "/node/..%5cx"])
def test_an_ambiguous_target_is_refused(gateway, token, target):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", gateway.plain_port, timeout=10)
    connection.request("GET", target, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 400


@pytest.mark.parametrize("status", [201, 204, 301, 404, 418, 500, 503])
def test_statuses_are_the_backends_own(gateway, token, status):
    seen, headers, _ = gateway.get(f"/node/status/{status}", token)
    assert seen == status and headers["X-Backend"] == "node"


def test_several_set_cookie_lines_stay_several(gateway, token):
    _, headers, _ = gateway.get("/node/set-cookie", token)
    assert headers.get_all("Set-Cookie") == ["theme=dark; Path=/", "lang=en; Path=/"]


def test_a_stream_is_not_held_back(gateway, token):
    import http.client
    import time
    connection = http.client.HTTPConnection("127.0.0.1", gateway.plain_port, timeout=10)
    connection.request("GET", "/uvicorn/stream", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    first, start = answer.readline(), time.monotonic()
    rest = answer.read()
    connection.close()
    assert first == b"data: 0\n" and rest.endswith(b"data: 4\n\n")
    assert time.monotonic() - start > 0.2, "the first event came before the last was made"


def test_compressed_content_is_left_alone(gateway, token):
    status, headers, body = gateway.get("/nginx/gzip/hello.txt", token, {"Accept-Encoding": "gzip"})
    assert status == 200 and headers["Content-Encoding"] == "gzip" and body[:2] == b"\x1f\x8b"


def test_an_unknown_path_is_nobodys(gateway, token):
    assert gateway.get("/elsewhere", token)[0] == 404
    assert gateway.get("/nodejs", token)[0] == 404


def test_a_public_route_needs_no_token_and_passes_none(gateway, token):
    received = gateway.received("/node/public/x", token, {"X-Forwarded-User": "admin", "X_Forwarded_User": "admin"})
    names = [name.lower().replace("_", "-") for name, _ in received["headers"]]
    assert "authorization" not in names and "x-forwarded-user" not in names


def test_a_dead_backend_is_a_bad_gateway(start_gateway, template, servers, token):
    from process import free_port
    gateway = start_gateway(template.replace(servers["python"].url, f"http://127.0.0.1:{free_port()}"))
    assert gateway.get("/python/hello.txt", token)[0] in (502, 503)
    assert gateway.get("/nginx/hello.txt", token)[0] == 200


def test_the_direct_answer_and_the_gateways_are_the_same(gateway, servers, token):
    direct = fetch(servers["nginx"].url + "/nginx/hello.txt")
    through = gateway.get("/nginx/hello.txt", token)
    assert (direct[0], direct[2]) == (through[0], through[2])
    for name in ["Content-Type", "Content-Length", "ETag", "Last-Modified", "Accept-Ranges"]:
        assert direct[1][name] == through[1][name]


def test_json_from_node_is_parsed_as_sent(gateway, token):
    status, headers, body = gateway.get("/node/x", token)
    assert status == 200 and headers["Content-Type"] == "application/json" and json.loads(body)["method"] == "GET"
