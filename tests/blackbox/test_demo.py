"""The demo's promise: every command it prints can be pasted, and answers what it says.

It prints each command on a line of its own that begins with two spaces and a word such as `curl`, and below it, also
indented, what is to be seen as `# -> 200` (or any text that the output then contains).
"""

import re
import signal
import subprocess

import pytest
from gateway import BINARY
from process import Process, wait_until

COMMAND = re.compile(r"^  ((?:[A-Z_]+=|curl |tollgate |export |openssl |websocat ).*)$")
EXPECTED = re.compile(r"^\s+# -> (.+)$")


def steps(text):
    """Pairs of a command and what it should show (None where nothing is said); continued lines are joined."""
    lines, found = re.sub(r"\\\n\s*", "", text).splitlines(), []
    for line in lines:
        if command := COMMAND.match(line):
            found.append([command[1], None])
        elif (expected := EXPECTED.match(line)) and found and found[-1][1] is None:
            found[-1][1] = expected[1].strip()
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    process = Process("demo", [BINARY, "demo"], tmp_path_factory.mktemp("demo"))

    def settled():
        assert process.child.poll() is None, process.output()
        text = process.output()
        return len(steps(text)) >= 4 and text.endswith("\n") and text
    try:
        text = wait_until(settled, 30, "the demo's commands")
        yield process, text
    finally:
        code = process.stop(signal.SIGINT)
    assert code == 0, process.output()


def test_every_printed_command_does_what_it_says(demo, tmp_path):
    process, text = demo
    # One shell for all, because later commands use what earlier ones set.
    marker = "---- step"
    script = "\n".join(f"echo '{marker}'; {command}; echo \" exit=$?\"" for command, _ in steps(text))
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, cwd=tmp_path, stdin=subprocess.DEVNULL,
                          env={"PATH": f"{BINARY.rsplit('/', 1)[0]}:/usr/sbin:/usr/bin:/bin:/usr/local/bin", "HOME": str(tmp_path)})
    outputs = done.stdout.split(marker + "\n")[1:]
    assert len(outputs) == len(steps(text))
    for (command, expected), output in zip(steps(text), outputs):
        assert "exit=127" not in output, f"{command}: not found\n{done.stderr}"
        if expected:
            assert expected.split()[0].rstrip(",:;") in output, f"{command}\nshould show: {expected}\nshowed: {output}\n{done.stderr}"
    expectations = [expected for _, expected in steps(text) if expected]
    assert any(expected.startswith("200") for expected in expectations) and any(expected.startswith(("401", "403")) for expected in expectations)


def test_the_demo_is_on_loopback_only(demo):
    process, text = demo
    addresses = re.findall(r"https?://([^/:\s\"']+|\[[^\]]+\])", text)
    assert addresses and all(address in ("127.0.0.1", "localhost", "[::1]") or address.endswith(".localhost") for address in addresses), addresses
