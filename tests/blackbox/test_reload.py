"""Every file of a configuration is followed, however it is replaced; what is wrong changes nothing and is said."""

import json
import os
import pathlib
import signal
import socket
import ssl
import threading

import pytest
from conftest import issuer_block, listeners, routes
from gateway import certificate
from jose import Issuer, SigningKey
from process import wait_until


def with_keys(source, servers):
    """A configuration whose issuer's keys come from `source`."""
    block = issuer_block("x").replace('jwks_url = "x"', source).replace('"RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"', '"ES256"')
    return listeners() + block + routes({"nginx": servers["nginx"]})


def jwks(*keys):
    return json.dumps({"keys": [key.jwk() for key in keys]})


def served(gateway, key):
    return gateway.get("/nginx/hello.txt", key.token())[0]


def replace(path: pathlib.Path, content):
    """As a careful tool does: another file under the same name."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(content if isinstance(content, bytes) else content.encode())
    draft.chmod(0o600)
    draft.replace(path)


def rewrite(path: pathlib.Path, content):
    """As an editor may: the same file, emptied and filled."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("how", [replace, rewrite])
@pytest.mark.parametrize("source,file", [('jwks_file = "keys/set.json"', "set.json"), ('public_key_files = { key-1 = "keys/key.pem" }', "key.pem")])
def test_a_file_with_keys_is_followed(start_gateway, servers, tmp_path, source, file, how):
    def content(key):
        return jwks(key) if file == "set.json" else key.public_pem()

    old, new = SigningKey("key-1", "ES256"), SigningKey("key-1", "ES256")
    folder = tmp_path / "gateway" / "keys"
    folder.mkdir(parents=True)
    (folder / file).write_bytes(content(old) if isinstance(content(old), bytes) else content(old).encode())
    gateway = start_gateway(with_keys(source, servers))
    assert (served(gateway, old), served(gateway, new)) == (200, 401)
    how(folder / file, content(new))
    wait_until(lambda: served(gateway, new) == 200, 10, "the new key")
    assert served(gateway, old) == 401


def test_the_configuration_and_a_secret_are_followed(start_gateway, template, token, tmp_path):
    (tmp_path / "gateway").mkdir()
    secret = tmp_path / "gateway" / "subject.key"
    replace(secret, "0" * 32)
    gateway = start_gateway(template.replace("[log]\n", '[log]\nsubject_key_file = "subject.key"\n'))

    def subject():
        gateway.get("/nginx/hello.txt", token)
        return wait_until(lambda: [line["subject"] for line in gateway.access_lines() if line.get("subject")], 10, "an access line")[-1]

    first = subject()
    assert subject() == first
    replace(secret, "1" * 32)
    wait_until(lambda: subject() != first, 10, "another key of the subject hash")
    gateway.write(template.replace('level = "info"', 'level = "info"\n# changed').replace('path = "/nginx"', 'path = "/other"'))
    wait_until(lambda: gateway.get("/other/x", token)[2].find(b"nginx") >= 0, 10, "the new route")


def serial(gateway):
    return ssl.get_server_certificate(("127.0.0.1", gateway.tls_port))


def test_a_certificate_is_followed_without_a_failed_handshake(start_gateway, template, token):
    gateway = start_gateway(template)
    stop, failures, handshakes = threading.Event(), [], []

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def visit():
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", gateway.tls_port), 10) as raw, context.wrap_socket(raw):
                    handshakes.append(1)
            except OSError as error:
                failures.append(error)

    visitors = [threading.Thread(target=visit) for _ in range(2)]
    [visitor.start() for visitor in visitors]
    try:
        for _ in range(3):
            before = serial(gateway)
            renewed = gateway.folder / "renewed"
            renewed.mkdir(exist_ok=True)
            for name in ["tls.crt", "tls.key"]:
                (renewed / name).unlink(missing_ok=True)
            certificate(renewed)
            # One after the other, as certbot does: between the two, certificate and key do not belong together.
            for name in ["tls.key", "tls.crt"]:
                (renewed / name).rename(gateway.folder / name)
            wait_until(lambda: serial(gateway) != before, 10, "the renewed certificate")
    finally:
        stop.set()
        [visitor.join() for visitor in visitors]
    assert not failures and len(handshakes) > 50
    wait_until(lambda: gateway.metric("tollgate_config_reload_success") == 1, 5, "the last reload to be good")


def swap(folder: pathlib.Path, version: str, files: dict):
    """What kubelet does with a mounted Secret: a new folder, and one symbolic link that moves."""
    (folder / version).mkdir(parents=True)
    for name, content in files.items():
        path = folder / version / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(0o600)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(pathlib.Path("..data") / name)
    (folder / "..new").symlink_to(version)
    (folder / "..new").rename(folder / "..data")


def test_kubernetes_mounts_are_followed(servers, tmp_path, start_gateway):
    old, new = SigningKey("key-1", "ES256"), SigningKey("key-1", "ES256")
    made, secrets = tmp_path / "made", tmp_path / "secrets"
    made.mkdir()
    certificate(made)
    pair = {name: (made / name).read_bytes() for name in ["tls.crt", "tls.key"]}
    swap(secrets, "..v1", {"set.json": jwks(old), **pair})
    text = with_keys(f'jwks_file = "{secrets}/set.json"', servers).replace('"tls.crt"', f'"{secrets}/tls.crt"').replace('"tls.key"', f'"{secrets}/tls.key"')
    gateway = start_gateway(text)
    assert (served(gateway, old), served(gateway, new)) == (200, 401)
    before = serial(gateway)
    [(made / name).unlink() for name in pair]
    certificate(made)
    pair = {name: (made / name).read_bytes() for name in pair}
    swap(secrets, "..v2", {"set.json": jwks(new), **pair})
    wait_until(lambda: served(gateway, new) == 200 and serial(gateway) != before, 10, "the new version")
    # And again: the watch must follow to where the link leads now.
    for version, key in [("..v3", old), ("..v4", new)]:
        swap(secrets, version, {"set.json": jwks(key), **pair})
        wait_until(lambda: served(gateway, key) == 200, 10, version)


def errors(gateway):
    lines = [json.loads(line) for line in gateway.process.output().splitlines() if line.startswith("{")]
    return [line for line in lines if line["level"] == "ERROR"]


def test_a_bad_file_changes_nothing_and_is_said_with_its_place_until_it_is_corrected(start_gateway, template, token):
    gateway = start_gateway(template)
    began = gateway.metric("tollgate_config_reload_timestamp_seconds")
    gateway.write(template.replace('path = "/nginx"', 'pth = "/nginx"'))
    wait_until(lambda: gateway.metric("tollgate_config_reload_success") == 0, 10, "the refusal")
    said = wait_until(lambda: errors(gateway), 5, "the log")[-1]
    line = next(number for number, line in enumerate(gateway.path.read_text().splitlines(), 1) if line.startswith("pth"))
    assert f"tollgate.toml:{line}:1: route.nginx.pth: unknown key; did you mean `path`?" in said["diagnostics"]
    assert gateway.get("/nginx/hello.txt", token)[0] == 200
    assert gateway.metric("tollgate_config_reload_timestamp_seconds") == began
    gateway.write(template)
    wait_until(lambda: gateway.metric("tollgate_config_reload_success") == 1, 10, "the corrected file")
    assert gateway.metric("tollgate_config_reload_timestamp_seconds") > began


@pytest.mark.parametrize("spoil", ["certificate", "key", "toml"])
def test_what_cannot_be_read_keeps_what_is_served(start_gateway, template, token, spoil):
    gateway = start_gateway(template)
    before = serial(gateway)
    name = {"certificate": "tls.crt", "key": "tls.key", "toml": "tollgate.toml"}[spoil]
    good = (gateway.folder / name).read_bytes()
    replace(gateway.folder / name, b"[[[")
    wait_until(lambda: gateway.metric("tollgate_config_reload_success") == 0, 10, "the refusal")
    assert serial(gateway) == before and gateway.get("/nginx/hello.txt", token)[0] == 200
    assert "tollgate.toml:" in errors(gateway)[-1]["diagnostics"]
    replace(gateway.folder / name, good)
    wait_until(lambda: gateway.metric("tollgate_config_reload_success") == 1, 10, "the good file")


def test_a_file_that_a_refused_configuration_lacks_is_taken_when_it_comes(start_gateway, template, tmp_path):
    gateway = start_gateway(template)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    gateway.write(template.replace('"tls.crt"', f'"{elsewhere}/tls.crt"').replace('"tls.key"', f'"{elsewhere}/tls.key"'))
    wait_until(lambda: gateway.metric("tollgate_config_reload_success") == 0, 10, "the refusal")
    before = serial(gateway)
    certificate(elsewhere)
    wait_until(lambda: serial(gateway) != before, 10, "the certificate that came late")
    assert gateway.metric("tollgate_config_reload_success") == 1


def test_a_signal_reloads_although_nothing_changed(start_gateway, template):
    gateway = start_gateway(template)
    before = gateway.metric("tollgate_config_reload_timestamp_seconds")
    gateway.process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.metric("tollgate_config_reload_timestamp_seconds") > before, 10, "the reload")


def test_a_touch_and_a_stranger_in_the_folder_are_no_reload(start_gateway, template):
    gateway = start_gateway(template)
    before = gateway.metric("tollgate_config_reload_timestamp_seconds")
    os.utime(gateway.path)
    (gateway.folder / "notes.txt").write_text("nothing")
    threading.Event().wait(1.5)
    assert gateway.metric("tollgate_config_reload_timestamp_seconds") == before


def test_reloads_in_quick_succession_end_at_the_last(start_gateway, template, token):
    gateway = start_gateway(template)
    for number in range(12):
        gateway.write(template + f'\n[[route]]\nname = "n{number}"\npath = "/n{number}"\nupstream = "nginx"\nanonymous = true\n')
        if number % 3 == 0:
            gateway.process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: b"nginx" in gateway.get("/n11/x")[2], 10, "the last configuration")
    assert gateway.get("/n10/x")[2].find(b"no_route") > 0


def test_keys_of_an_unchanged_issuer_are_not_fetched_again(start_gateway, servers):
    key = SigningKey("only", "ES256")
    issuer = Issuer([key])
    try:
        text = listeners() + issuer_block(issuer.url) + routes({"nginx": servers["nginx"]})
        gateway = start_gateway(text)
        assert served(gateway, key) == 200
        for number in range(3):
            gateway.write(f"{text}\n# {number}\n")
            before = gateway.metric("tollgate_config_reload_timestamp_seconds")
            wait_until(lambda: gateway.metric("tollgate_config_reload_timestamp_seconds") > before, 10, "the reload")
        assert issuer.fetches == 1 and served(gateway, key) == 200
    finally:
        issuer.stop()
