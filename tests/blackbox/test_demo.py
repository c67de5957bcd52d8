"""The demo's promise: every command it prints can be pasted, and answers what it says.

It prints each command on a line of its own that begins with two spaces and a word such as `curl`, and below it, also
indented, what is to be seen as `# -> 200, a text, not another`: the status of an answer, texts that the output contains,
texts that it must not contain. A command that only keeps something in a variable shows nothing; what it kept is looked at.
"""

import pathlib
import re
import shutil
import signal
import subprocess

import pytest
from gateway import BINARY
from process import Process, wait_until

COMMAND = re.compile(r'^  ((?:[A-Z_]+=|curl |"\$TOLLGATE" ).*)$')
EXPECTED = re.compile(r"^\s+# -> (.+)$")
TOKEN = re.compile(r"ey[\w-]+\.[\w-]+\.[\w-]+$")
KEPT = {"TOKEN": TOKEN, "BILLING_TOKEN": TOKEN, "REFRESH": re.compile(r"[\w-]{43}$")}
INTRODUCTION = re.compile(r"^  \S")


def steps(text):
    """Pairs of a command and what it should show (None where nothing is said)."""
    found = []
    for line in text.splitlines():
        if command := COMMAND.match(line):
            found.append([command[1], None])
        elif (expected := EXPECTED.match(line)) and found and found[-1][1] is None:
            found[-1][1] = expected[1].strip()
        else:
            assert not INTRODUCTION.match(line), f"neither a command nor what it shows: {line}"
    return found


def lacks(expected, output):
    """The parts of an expectation that the output of its command does not meet."""
    for part in expected.split(", "):
        if re.fullmatch(r"\d{3}", part):
            met = re.match(rf"HTTP/[\d.]+ {part}\b", output)
        elif part.startswith("not "):
            met = part.removeprefix("not ") not in output
        else:
            met = part in output
        if not met:
            yield part


class Demo:
    def __init__(self, folder):
        self.process = Process("demo", [BINARY, "demo"], folder)
        self.text = wait_until(self.settled, 30, "the demo's commands")
        self.folder = pathlib.Path(re.search(r"^  DEMO=(\S+)$", self.text, re.M)[1])

    def settled(self):
        assert self.process.child.poll() is None, self.process.output()
        text = self.process.output()
        return text.endswith("one line for each request.\n") and text

    def paste(self, shell, cwd):
        """Every command in one shell, because later ones use what earlier ones set: (command, expected, output, exit code)."""
        marker = "---- step"

        def pasted(command, expected):
            kept = "" if expected else f'; echo "${command.partition("=")[0]}"'
            return f"echo '{marker}'; {command}; CODE=$?{kept}; echo \" exit=$CODE\""

        script = "\n".join(pasted(command, expected) for command, expected in steps(self.text))
        done = subprocess.run([shell, "-c", script], capture_output=True, text=True, timeout=120, cwd=cwd, stdin=subprocess.DEVNULL,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(cwd)})
        outputs = done.stdout.split(marker + "\n")[1:]
        assert len(outputs) == len(steps(self.text)), done.stderr
        for (command, expected), output in zip(steps(self.text), outputs):
            output, _, code = output.rpartition(" exit=")
            yield command, expected, output, int(code)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("demo"))
    try:
        yield demo
    finally:
        code = demo.process.stop(signal.SIGINT)
    assert code == 0, demo.process.output()
    assert not demo.folder.exists()


@pytest.mark.parametrize("shell", [shell for shell in ["sh", "bash", "zsh"] if shutil.which(shell)])
def test_every_printed_command_does_what_it_says(demo, shell, tmp_path):
    statuses = set()
    for command, expected, output, code in demo.paste(shell, tmp_path):
        assert code == 0, f"{command}: exit code {code}"
        if not expected:
            assert KEPT.get(command.partition("=")[0], re.compile(".")).match(output), f"{command}\nkept: {output}"
        else:
            assert not list(lacks(expected, output)), f"{command}\nshould show: {expected}\nshowed: {output}"
            statuses.add(expected.split(", ")[0])
    assert {"200", "400", "401", "403"} <= statuses
    assert not list(tmp_path.iterdir())


def test_the_demo_is_on_loopback_only(demo):
    addresses = re.findall(r"https?://([^/:\s\"']+|\[[^\]]+\])", demo.text)
    assert addresses and all(address in ("127.0.0.1", "localhost", "[::1]") or address.endswith(".localhost") for address in addresses), addresses
    sockets = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True).stdout if shutil.which("ss") else ""
    own = [line.split()[3] for line in sockets.splitlines() if f"pid={demo.process.child.pid}," in line]
    assert all(address.startswith("127.0.0.1:") for address in own), own


def test_only_its_user_can_read_its_files(demo):
    assert demo.folder.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in demo.folder.iterdir())


def test_a_second_one_beside_it_works_and_ends_on_sigterm(demo, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    second = Demo(tmp_path)
    try:
        ports = [re.search(r"GATEWAY=https://localhost:(\d+)", text)[1] for text in (demo.text, second.text)]
        assert ports[0] != ports[1]
        for command, expected, output, _ in second.paste("sh", tmp_path / "elsewhere"):
            assert not expected or not list(lacks(expected, output)), f"{command}\nshould show: {expected}\nshowed: {output}"
    finally:
        code = second.process.stop(signal.SIGTERM)
    assert code == 0, second.process.output()
    assert not second.folder.exists()


def test_nothing_but_the_commands_is_shown_unless_asked_for(demo):
    assert demo.process.err_path.read_text() == ""
