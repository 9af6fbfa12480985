"""The insecure health port of the controller manager and the scheduler."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Mapping

from . import _program


def serve(values: Mapping[str, str]) -> None:
    """Serve /healthz on the insecure port of a controller manager or scheduler."""
    port = int(values.get('port', '0') or 0)
    if not port:
        return
    try:
        server = http.server.ThreadingHTTPServer((values.get('address', '0.0.0.0'), port), _Health)  # noqa: S104
    except OSError as error:
        raise _program.Fatal(f'failed to create listener: failed to listen on port {port}: {error.strerror}') from error
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'ok' if self.path == '/healthz' else b''
        self.send_response(200 if body else 404)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
