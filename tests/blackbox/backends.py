"""Real servers that nobody here wrote, as backends: nginx, Python's http.server, Node with `ws`, uvicorn."""

import pathlib
import shutil
import sys

from process import Process, free_port

HERE = pathlib.Path(__file__).parent


class Backend:
    def __init__(self, name, command, folder, port, env=None):
        self.port, self.folder = port, folder
        self.url = f"http://127.0.0.1:{port}"
        self.process = Process(name, command, folder, env=env)
        self.process.wait_for_port(port)

    def stop(self):
        self.process.stop()


def files(folder: pathlib.Path, prefix: str) -> pathlib.Path:
    """A folder of static files below `folder`, served under `/prefix/`."""
    root = folder / "www"
    (root / prefix).mkdir(parents=True)
    (root / prefix / "hello.txt").write_text("hello from " + prefix + "\n")
    (root / prefix / "big.bin").write_bytes(bytes(range(256)) * 4096 * 16)
    (root / prefix / "admin").mkdir()
    (root / prefix / "admin" / "secret.txt").write_text("for admins\n")
    return root


def nginx(folder: pathlib.Path) -> Backend:
    port, root = free_port(), files(folder, "nginx")
    # The echo location shows what an old CGI backend would see: nginx hands over headers with underscores.
    (folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; underscores_in_headers on; client_max_body_size 64m; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  types {{ text/plain txt; }} default_type application/octet-stream;
  server {{
    listen 127.0.0.1:{port};
    root {root};
    location /nginx/echo {{ default_type text/plain;
      return 200 "user=$http_x_forwarded_user\\nrole=$http_remote_groups\\nauthorization=$http_authorization\\nuri=$request_uri\\n"; }}
    location /nginx/gzip {{ gzip on; gzip_types *; gzip_min_length 1; alias {root}/nginx; }}
  }}
}}
""")
    command = [shutil.which("nginx") or "/usr/sbin/nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log", "-p", folder]
    return Backend("nginx", command, folder, port)


def python(folder: pathlib.Path) -> Backend:
    port, root = free_port(), files(folder, "python")
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", root]
    return Backend("python", command, folder, port)


def node(folder: pathlib.Path) -> Backend:
    port = free_port()
    return Backend("node", ["node", HERE / "node" / "backend.js", str(port)], folder, port)


def uvicorn(folder: pathlib.Path) -> Backend:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "asgi_app:app", "--host", "127.0.0.1", "--port", str(port), "--ws", "websockets-sansio",
               "--no-access-log"]
    return Backend("uvicorn", command, folder, port, env={"PYTHONPATH": str(HERE)})
