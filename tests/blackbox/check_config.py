"""Runs `tollgate check` on a configuration that names files of another machine.

    check_config.py BINARY CONFIGURATION

Copies the configuration into a temporary folder, makes every file it names there (a certificate with its key, a key
set, a secret, by the setting that names it), and points the absolute paths into that folder. Everything else is checked as it is.
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

FILE = re.compile(r"^[\w./-]+\.\w+$")
# What a file holds, by the key that names it.
KINDS = {"certificate": "certificate", "client_ca": "certificate", "ca_file": "certificate", "private_key": "key", "jwks_file": "jwks",
         "public_key_files": "public key", "secret_file": "secret", "signing_secret_file": "secret", "subject_key_file": "secret", "key_file": "secret"}


def files(value, kind=None, algorithm="RS256"):
    """Every (file name, kind, algorithm) that a configuration names."""
    if isinstance(value, dict):
        public = [name for name in value.get("algorithms", []) if not name.startswith("HS")]
        for key, item in value.items():
            inner = KINDS.get(key, kind if kind == "public key" else None)
            yield from files(item, inner, public[0] if public else algorithm)
    elif isinstance(value, list):
        for item in value:
            yield from files(item, kind, algorithm)
    elif isinstance(value, str) and kind and FILE.match(value):
        yield value, kind, algorithm


def make(path: pathlib.Path, kind, algorithm, folder: pathlib.Path):
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "certificate":
        shutil.copy(folder / "made" / "tls.crt", path)
    elif kind == "key":
        shutil.copy(folder / "made" / "tls.key", path)
    elif kind == "jwks":
        path.write_text(json.dumps({"keys": [SigningKey(f"key-{name}", name).jwk() for name in ["RS256", "ES256", "EdDSA", algorithm]][:3]}))
    elif kind == "public key":
        path.write_bytes(SigningKey("key-1", algorithm).public_pem())
    else:
        path.write_text(secrets.token_hex(64))
    path.chmod(0o600)


def main(binary, configuration):
    text = pathlib.Path(configuration).read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "made").mkdir()
        certificate(folder / "made")
        for file, kind, algorithm in set(files(tomllib.loads(text))):
            text = text.replace(f'"{file}"', f'"{folder}/{file.lstrip("/")}"')
            make(folder / file.lstrip("/"), kind, algorithm, folder)
        (folder / "tollgate.toml").write_text(text)
        (folder / "tollgate.toml").chmod(0o600)  # as it must be where a secret stands in it
        return subprocess.run([binary, "check", folder / "tollgate.toml"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
