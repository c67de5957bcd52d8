"""What really goes over the wire: relays connections to the server byte for byte and keeps a copy of every exchange.

The clients under test are unmodified, so this is the one place where all their traffic can be looked at. Nothing is
parsed or changed on its way; the copies are taken apart afterwards."""

import dataclasses
import json
import socket
import threading
import time
import urllib.parse

import h11


@dataclasses.dataclass
class Exchange:
    method: str
    target: str
    request_headers: dict
    request_body: bytes
    status: int
    headers: list
    body: bytes

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return urllib.parse.parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    def header(self, name):
        """The one value of a header of the answer, or None."""
        found = self.header_values(name)
        assert len(found) < 2, (name, found)
        return found[0] if found else None

    def header_values(self, name):
        return [value for known, value in self.headers if known == name.lower()]

    def json(self):
        return json.loads(self.body)

    def cookies(self):
        """Set-Cookie of the answer: name to (value, attributes)."""
        parsed = {}
        for line in self.header_values("set-cookie"):
            first, *attributes = line.split("; ")
            name, _, value = first.partition("=")
            parsed[name] = (value, attributes)
        return parsed

    def __str__(self):
        return f"{self.method} {self.target} -> {self.status} {self.body[:2000]!r}"


class Connection:
    """One relayed connection. What a client has got is in the copies before it gets it."""

    def __init__(self, client, port):
        self.sent, self.received = bytearray(), bytearray()
        self.last, self.taken, self.is_closed = 0.0, 0, False
        self.client, self.port = client, port

    def start(self):
        threading.Thread(target=self.relay, daemon=True).start()

    def relay(self):
        with self.client as client, socket.create_connection(("127.0.0.1", self.port)) as server:
            back = threading.Thread(target=self.pump, args=(server, client, self.received), daemon=True)
            back.start()
            self.pump(client, server, self.sent)
            back.join()
        self.is_closed = True

    def pump(self, source, sink, copy):
        try:
            while data := source.recv(65536):
                copy += data
                self.last = time.monotonic()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One of the two is gone: so that the other pump ends too.
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def take(self):
        """The exchanges that are complete since the last call."""
        found = exchanges(bytes(self.sent), bytes(self.received), self.is_closed)[self.taken:]
        self.taken += len(found)
        return found


class Recorder:
    def __init__(self, port):
        self.port_of_server = port
        self.exchanges = []
        self._connections = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._listener.close()

    def take(self):
        """The exchanges since the last call, the latest at the end."""
        connections = sorted(self._connections, key=lambda connection: connection.last)
        # Before they are read: what is closed afterwards may have had more to say.
        closed = [connection for connection in connections if connection.is_closed]
        found = [exchange for connection in connections for exchange in connection.take()]
        for connection in closed:
            self._connections.remove(connection)
        self.exchanges.extend(found)
        return found

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(client, self.port_of_server)
            # First, or its exchange could be over before it is known.
            self._connections.append(connection)
            connection.start()


def message(connection, data, is_closed):
    """The first message in `data` and what comes after it; None where it is not complete."""
    connection.receive_data(data)
    if is_closed:
        connection.receive_data(b"")
    head, body = None, b""
    while True:
        event = connection.next_event()
        if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
            return None
        if isinstance(event, (h11.Request, h11.Response)):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return head, body, connection.trailing_data[0]


def exchanges(sent, received, is_closed):
    found = []
    while sent and received:
        asked = message(h11.Connection(h11.SERVER), sent, is_closed)
        if asked is None:
            break
        request, request_body, sent = asked
        reader = h11.Connection(h11.CLIENT)
        reader.send(h11.Request(method=request.method, target=request.target, headers=[("Host", "x")]))
        reader.send(h11.EndOfMessage())
        answered = message(reader, received, is_closed)
        if answered is None:
            break
        answer, body, received = answered
        found.append(Exchange(request.method.decode(), request.target.decode(), dict(fields(request.headers)), request_body,
                              answer.status_code, fields(answer.headers), body))
    return found


def fields(headers):
    return [(name.decode().lower(), value.decode("latin-1")) for name, value in headers]
