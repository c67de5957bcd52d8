"""Runs `tollgate check` on a configuration that names files of another machine.

    check_config.py BINARY CONFIGURATION

Copies the configuration into a temporary folder, makes every file it names there (a certificate with its key, a key
set, a secret, by their endings), and points the absolute paths into that folder. Everything else is checked as it is.
"""

import json
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import tomllib

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from gateway import certificate  # noqa: E402
from jose import SigningKey  # noqa: E402

FILE = re.compile(r"^[\w./-]+\.(crt|key|pem|json|txt|secret|hmac)$")


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def make(path: pathlib.Path, folder: pathlib.Path):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".crt":
        shutil.copy(folder / "made" / "tls.crt", path)
    elif path.suffix == ".key":
        shutil.copy(folder / "made" / "tls.key", path)
    elif path.suffix == ".json":
        path.write_text(json.dumps({"keys": [SigningKey("key-1", "RS256").jwk(), SigningKey("key-2", "ES256").jwk()]}))
    elif path.suffix == ".pem":
        path.write_bytes(SigningKey("key-1", "RS256").public_pem())
    else:
        path.write_text(secrets.token_hex(32))
    path.chmod(0o600)


def main(binary, configuration):
    text = pathlib.Path(configuration).read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "made").mkdir()
        certificate(folder / "made")
        for file in {value for value in strings(tomllib.loads(text)) if FILE.match(value)}:
            text = text.replace(f'"{file}"', f'"{folder}/{file.lstrip("/")}"')
            make(folder / file.lstrip("/"), folder)
        (folder / "tollgate.toml").write_text(text)
        return subprocess.run([binary, "check", folder / "tollgate.toml"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
