"""A receiver of webhooks as it is out there: HTTPS, with a certificate, and with moods."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

HOST = "hooks.example.com"


class Request:
    """A request as it arrived."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path, self.headers, self.body = path, headers, body

    @property
    def ids(self) -> list[str]:
        """The ids of the logs in it."""
        return [log["id"] for log in json.loads(self.body)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever hangs up is no news."""


class Hooks:
    """The receiver: keeps every request, and answers as it is told to, one after the other, and then with 204."""

    def __init__(self, certificates: Path) -> None:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST).configure_cert(context)
        context.sni_callback = lambda _, name, __: self.names_asked.append(name)
        self.trusting = ssl.create_default_context()
        authority.configure_trust(self.trusting)
        self.certificate = certificates / "authority.pem"
        authority.cert_pem.write_to_path(str(self.certificate))
        self.requests: list[Request] = []
        self.names_asked: list[str] = []
        self.answers: list[Callable[[Any], None]] = []
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._server.server_address[1])
        self.url = f"https://{HOST}:{self.port}/in?key=of-the-path"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def answer(self, status: int, **headers: str) -> None:
        """Has the next request be answered so."""

        def answered(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        self.answers.append(answered)

    def stall(self) -> None:
        """Does not go on until the end."""
        self.ended.wait()

    def close(self) -> None:
        """Ends the receiver, and whoever stalls in it."""
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(hooks) -> type[BaseHTTPRequestHandler]:  # noqa: N805 (`self` is that of the class inside)
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hooks.requests.append(Request(self.path, dict(self.headers), body))
                if hooks.answers:
                    hooks.answers.pop(0)(self)
                    return
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[Hooks]:
    """A receiver of webhooks."""
    receiver = Hooks(tmp_path)
    yield receiver
    receiver.close()
