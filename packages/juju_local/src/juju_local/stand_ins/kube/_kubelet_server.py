"""The kubelet's HTTPS port (10250) and its healthz port."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections.abc import Callable
from typing import Any

from . import _kubelet_settings, _program

Documents = dict[str, Callable[[], Any]]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 30
    documents: Documents
    anonymous: bool

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(10)
            self.request.do_handshake()
        super().setup()

    def do_GET(self) -> None:
        if isinstance(self.request, ssl.SSLSocket) and not self.anonymous and not self.request.getpeercert():
            self._send(401, 'Unauthorized')
            return
        path = self.path.partition('?')[0].rstrip('/')
        if path.startswith('/containerLogs/') and path.count('/') == 4:
            # No container runs: its log says that it was started, and no more.
            self._send(200, f'started {path.removeprefix("/containerLogs/")}\n')
            return
        document = self.documents.get(path)
        if document is None:
            self._send(404, '404 page not found')
        else:
            self._send(200, document())

    def _send(self, code: int, body: Any) -> None:
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header('Content-Type', 'text/plain' if isinstance(body, str) else 'application/json')
        self.send_header('Content-Length', str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients that break off are no concern."""


def serve(settings: _kubelet_settings.Settings, documents: Documents) -> None:
    """Begin to listen on both ports; raises Fatal."""
    context = _context(settings)
    if context:
        _listen(str(settings.get('address')), int(settings.get('port')), documents, settings.anonymous, context)
    else:
        _program.log('W', 'no --tls-cert-file: port 10250 is not served (this stand-in makes no certificate itself)')
    if port := int(settings.get('healthzPort') or 0):
        _listen('127.0.0.1', port, {'/healthz': documents['/healthz']}, True, None)


def _context(settings: _kubelet_settings.Settings) -> ssl.SSLContext | None:
    certificate, key, authority = (
        settings.get('tlsCertFile'),
        settings.get('tlsPrivateKeyFile'),
        settings.client_authority,
    )
    path = ''
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if authority:
            path = f'unable to load client CA file {authority}: open {authority}'
            context.load_verify_locations(authority)
            context.verify_mode = ssl.CERT_OPTIONAL
        if not certificate:
            return None
        path = f'unable to load tls certificate: open {certificate}, {key}'
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise _program.Fatal(f'failed to run Kubelet: {path}: {error.reason or error}') from error
    except OSError as error:
        raise _program.Fatal(f'failed to run Kubelet: {path}: {str(error.strerror).lower()}') from error
    return context


def _listen(address: str, port: int, documents: Documents, anonymous: bool, context: ssl.SSLContext | None) -> None:
    handler = type('Handler', (_Handler,), {'documents': documents, 'anonymous': anonymous})
    try:
        server = _Server((address, port), handler)
    except OSError as error:
        raise _program.Fatal(f'listen tcp {address}:{port}: bind: {str(error.strerror).lower()}') from error
    if context:
        # The handshake is done in the connection's own thread: a silent client must not block the port.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
