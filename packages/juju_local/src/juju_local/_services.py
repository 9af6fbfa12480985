"""Runs what a store lets answer in a model's network, beside its machines: the process that is the model's switch.

Run as `python -I -S _services.py ORDER` with a JSON order: `directory` (of the store, where the commands run), `log` (a
folder) and `services` (name -> command). One that ends is started again a second later. All of them end with this
process, however it ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PAUSE_S = 1

_libc = ctypes.CDLL(None)


def _end_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(name: str, command: list[str], directory: str, log: str) -> int:
    """Start one service; return its pid."""
    path = os.path.join(log, f'{name}.log')  # noqa: PTH118  (pathlib doubles the time to start)
    with open(path, 'ab') as stream:  # noqa: PTH123
        process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, preexec_fn=_end_with_parent
        )
    return process.pid


def supervise(services: dict[str, list[str]], directory: str, log: str) -> NoReturn:
    """Keep all services running."""
    running = {start(name, command, directory, log): name for name, command in services.items()}
    while True:
        pid, _ = os.wait()
        time.sleep(PAUSE_S)
        name = running.pop(pid, '')
        if name:
            running[start(name, services[name], directory, log)] = name


if __name__ == '__main__':
    order = json.loads(sys.argv[1])
    supervise(order['services'], order['directory'], order['log'])
