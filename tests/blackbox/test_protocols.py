"""The same routes over HTTP/1.1, HTTP/2, TLS and WebSocket, by clients that others wrote."""

import asyncio
import hashlib
import json
import ssl
import subprocess

import httpx
import pytest
import websockets


def curl(gateway, *arguments, token=None):
    """curl's (status, HTTP version, body)."""
    command = ["curl", "-sS", "--max-time", "20", "--cacert", str(gateway.cafile), "-w", "\n%{http_code} %{http_version}"]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    done = subprocess.run([*command, *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    body, _, last = done.stdout.rpartition(b"\n")
    status, version = last.decode().split()
    return int(status), version, body


@pytest.mark.parametrize("option,version", [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl_over_tls(gateway, token, option, version):
    assert curl(gateway, option, f"{gateway.tls}/nginx/hello.txt", token=token) == (200, version, b"hello from nginx\n")
    status, seen, _ = curl(gateway, option, f"{gateway.tls}/nginx/hello.txt")
    assert (status, seen) == (401, version)


def test_curl_over_plain_http_1_1(gateway, token):
    assert curl(gateway, "--http1.1", f"{gateway.plain}/python/hello.txt", token=token)[:2] == (200, "1.1")


@pytest.mark.parametrize("option", ["--http1.1", "--http2"])
@pytest.mark.parametrize("size", [20, 500, 5000, 300_000])
def test_curl_sees_the_refusal_of_an_upload(gateway, tmp_path, option, size):
    body = tmp_path / "body"
    body.write_bytes(b"x" * size)
    for _ in range(10):
        assert curl(gateway, option, "--data-binary", f"@{body}", f"{gateway.tls}/nginx/hello.txt")[0] == 401


def test_httpx_sees_the_refusal_of_a_large_upload(gateway):
    context = ssl.create_default_context(cafile=str(gateway.cafile))
    with httpx.Client(http2=True, verify=context, trust_env=False, timeout=15) as client:
        for size in [20, 300_000, 2_000_000]:
            answer = client.post(f"{gateway.tls}/nginx/hello.txt", content=b"x" * size)
            assert (answer.status_code, answer.http_version) == (401, "HTTP/2")


def test_http_1_0_is_answered(gateway, token):
    assert curl(gateway, "--http1.0", f"{gateway.plain}/nginx/hello.txt", token=token)[0] == 200


@pytest.mark.parametrize("option", ["--tls-max 1.2", "--tlsv1.3"])
def test_tls_versions(gateway, token, option):
    assert curl(gateway, *option.split(), f"{gateway.tls}/nginx/hello.txt", token=token)[0] == 200


def test_old_tls_is_refused(gateway):
    done = subprocess.run(["curl", "-sS", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", "--cacert", gateway.cafile, f"{gateway.tls}/"], capture_output=True)
    assert done.returncode != 0


def test_expect_100_continue_uploads(gateway, token, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(bytes(3 * 1024 * 1024))
    status, _, answer = curl(gateway, "--http1.1", "-H", "Expect: 100-continue", "--data-binary", f"@{body}", f"{gateway.plain}/node/x", token=token)
    assert status == 200 and json.loads(answer)["size"] == 3 * 1024 * 1024


def test_http2_multiplexes(gateway, token):
    async def many():
        context = ssl.create_default_context(cafile=str(gateway.cafile))
        async with httpx.AsyncClient(http2=True, verify=context, trust_env=False, timeout=30) as client:
            headers = {"Authorization": f"Bearer {token}"}
            sent = [client.post(f"{gateway.tls}/node/{n}", headers=headers, content=bytes([n]) * 70_000) for n in range(60)]
            return await asyncio.gather(*sent)
    for number, answer in enumerate(asyncio.run(many())):
        assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
        assert answer.json()["sha256"] == hashlib.sha256(bytes([number]) * 70_000).hexdigest()
        assert answer.json()["target"] == f"/node/{number}"


def test_http2_cookie_crumbs_are_joined_for_an_http_1_backend(gateway, token):
    status, _, body = curl(gateway, "--http2", "-H", "Cookie: a=1", "-H", "Cookie: b=2", f"{gateway.tls}/node/x", token=token)
    cookies = [value for name, value in json.loads(body)["headers"] if name.lower() == "cookie"]
    assert status == 200 and cookies == ["a=1; b=2"]


@pytest.mark.parametrize("name", ["node", "uvicorn"])
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_websocket_carries_messages_both_ways(gateway, keys, name, scheme):
    async def talk():
        port = gateway.plain_port if scheme == "ws" else gateway.tls_port
        context = ssl.create_default_context(cafile=str(gateway.cafile)) if scheme == "wss" else None
        headers = {"Authorization": f"Bearer {keys['ES256'].token(sub='socket-user')}", "X-Forwarded-User": "forged"}
        async with websockets.connect(f"{scheme}://localhost:{port}/{name}/socket", additional_headers=headers, ssl=context, proxy=None,
                                      max_size=None, origin=None) as socket:
            await socket.send("hello")
            assert await socket.recv() == "socket-user: hello"
            big = bytes(range(256)) * 4000
            await socket.send(big)
            assert await socket.recv() == big
            assert await (await socket.ping()) >= 0
    asyncio.run(talk())


@pytest.mark.parametrize("authorization", [None, "Bearer nonsense"])
def test_a_websocket_without_a_good_token_is_refused_before_the_backend(gateway, authorization):
    async def talk():
        headers = {"Authorization": authorization} if authorization else {}
        with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
            await websockets.connect(f"ws://localhost:{gateway.plain_port}/node/socket", additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == 401
    asyncio.run(talk())


def test_trailers_arrive(gateway, token):
    done = subprocess.run(["curl", "-sS", "-i", "--raw", "--http1.1", "-H", "TE: trailers", "-H", f"Authorization: Bearer {token}",
                           f"{gateway.plain}/node/trailers"], capture_output=True, check=True)
    assert b"x-checksum: abc" in done.stdout.lower()


def test_connections_are_reused(gateway, token):
    with httpx.Client(trust_env=False) as client:
        for _ in range(50):
            assert client.get(f"{gateway.plain}/nginx/hello.txt", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_smuggling_with_both_lengths_is_refused_and_the_connection_closed(gateway, token):
    import socket
    with socket.create_connection(("127.0.0.1", gateway.plain_port), timeout=10) as raw:
        raw.sendall(f"POST /node/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 4\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /node/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        seen = b""
        while chunk := raw.recv(65536):
            seen += chunk
    assert seen.count(b"HTTP/1.1 ") == 1 and b"smuggled" not in seen
