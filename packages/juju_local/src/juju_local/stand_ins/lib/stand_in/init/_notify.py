"""The sockets on which units of Type=notify say that they are ready (sd_notify(3)), one for each start."""

from __future__ import annotations

import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Notifications:
    """Reads what a unit tells of itself; `ready` is called at its READY=1. Waited for like a journal's stream."""

    def __init__(self, invocation: str, ready: Callable[[], None]) -> None:
        self.address = f'@stand-in/{invocation}'
        self._ready = ready
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(self._name)

    @property
    def _name(self) -> str:
        return '\0' + self.address[1:]

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> bool:
        """Read one message; False when this socket has done its work."""
        try:
            message = self._socket.recv(8192)
        except BlockingIOError:
            return True
        if b'READY=1' in message.split(b'\n'):
            self._ready()
        return bool(message)

    def finish(self) -> None:
        """Have the loop close it: an empty message tells `drain`."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b'', self._name)

    def close(self) -> None:
        self._socket.close()
