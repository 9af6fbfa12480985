"""The door to init: what systemctl and others ask of PID 1."""

from __future__ import annotations

import json
import socket

from . import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOCKET = '/run/stand-in/init.sock'


def ask(verb: str, units: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Send a request and return the answer; waits as long as the jobs take.

    Raises:
        core.Refused: no init runs here, or it refuses.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(core.path(SOCKET))
        except OSError as error:
            raise core.Refused(
                "System has not been booted with systemd as init system (PID 1). Can't operate.\n"
                f'Failed to connect to bus: {error.strerror}'
            ) from error
        connection.sendall(json.dumps({'verb': verb, 'units': units or [], **more}).encode() + b'\n')
        answer = json.loads(_all(connection) or b'{"error": "Connection reset by peer"}')
    if 'error' in answer:
        raise core.Refused(answer['error'])
    return dict(answer)


def _all(connection: socket.socket) -> bytes:
    received = b''
    while chunk := connection.recv(65536):
        received += chunk
    return received


def show(name: str) -> dict[str, Any]:
    """Return one unit's properties."""
    unit: dict[str, Any] = ask('show', [name])['units'][0]
    return unit


def is_running() -> bool:
    """Say whether there is an init to ask."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return connection.connect_ex(core.path(SOCKET)) == 0
