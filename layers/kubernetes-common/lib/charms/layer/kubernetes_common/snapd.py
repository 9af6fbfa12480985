"""The door to snapd's REST API (snapcraft.io/docs/snapd-api): for what must not stand on the command line of `snap`.

A process list is for everybody to read; the socket's other end is snapd alone. Seen to work with snapd 2.57.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SOCKET = Path('/run/snapd.socket')
TIMEOUT_S = 30.0
CHANGE_S = 120.0  # snapd takes changes one after another


class Refused(Exception):
    """snapd did not do it; the text says why, in its words."""


def is_there() -> bool:
    return SOCKET.is_socket()


def configure(values: Mapping[str, str]) -> None:
    """Set options of the system, '' unsets one; returns when snapd has done it.

    Raises:
        OSError: snapd cannot be reached.
        Refused: it did not do it.
    """
    body = {name: value or None for name, value in values.items()}
    change = str(_ask('PUT', '/v2/snaps/system/conf', body).get('change') or '')
    deadline = time.monotonic() + CHANGE_S
    while True:
        state = _ask('GET', f'/v2/changes/{change}').get('result')
        if not isinstance(state, dict) or state.get('status') in ('Error', 'Hold', 'Undone', 'Abort'):
            raise Refused(str(state.get('err') or 'it was not done') if isinstance(state, dict) else 'no such change')
        if state.get('ready'):
            return
        if time.monotonic() > deadline:
            raise Refused(f'its change {change} takes more than {CHANGE_S:.0f} s')
        time.sleep(0.2)


def _ask(method: str, path: str, body: object = None) -> dict[str, Any]:
    """Return snapd's answer; one that tells of an error is a `Refused`."""
    import http.client  # slow to import, and hardly ever needed

    connection = http.client.HTTPConnection('localhost', timeout=TIMEOUT_S)
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.settimeout(TIMEOUT_S)
        connection.sock.connect(str(SOCKET))
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {'Content-Type': 'application/json', 'Connection': 'close'})
        answer = json.loads(connection.getresponse().read())
    except (http.client.HTTPException, ValueError) as error:
        raise Refused(f'its answer cannot be read: {type(error).__name__}') from error
    finally:
        connection.close()
    if not isinstance(answer, dict) or answer.get('type') == 'error':
        told = answer.get('result') if isinstance(answer, dict) else None
        raise Refused(str(told.get('message') if isinstance(told, dict) else 'its answer is none'))
    return answer
