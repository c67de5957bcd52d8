"""Starting and always stopping other programs, on free ports and in temporary folders."""

import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds=15.0, what="a condition"):
    """Calls `condition` until it returns something true, which is returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def fetch(url, headers=None, data=None, method=None, cafile=None, timeout=10):
    """One request by the standard library: (status, headers, body); no redirect is followed."""
    context = ssl.create_default_context(cafile=cafile) if url.startswith("https") else None
    handlers = [urllib.request.ProxyHandler({}), NoRedirect()]
    if context:
        handlers.append(urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Process:
    """A program in a process group of its own, whose output goes to files in `folder`."""

    def __init__(self, name, command, folder, env=None, cwd=None):
        self.name, self.folder = name, folder
        self.out_path, self.err_path = folder / f"{name}.out", folder / f"{name}.err"
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self.child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                          env={**os.environ, **(env or {})}, cwd=cwd or folder, start_new_session=True)

    def output(self) -> str:
        return "".join(path.read_text(errors="replace") for path in (self.out_path, self.err_path))

    def wait_for_port(self, port, seconds=20):
        def up():
            if self.child.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.child.returncode}:\n{self.output()[-4000:]}")
            return accepts(port)
        wait_until(up, seconds, f"{self.name} on port {port}")

    def stop(self, sig=signal.SIGTERM, seconds=15) -> int:
        """Asks it to end, then makes it; the exit code."""
        if self.child.poll() is None:
            self.child.send_signal(sig)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.child.wait(5)
