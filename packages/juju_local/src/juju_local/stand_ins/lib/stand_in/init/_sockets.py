"""The sockets that socket units listen on for their services (systemd.socket(5), sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket

from .. import core, units

BACKLOG = 4096


class Listeners:
    """What one socket unit holds open. Streams only, none accepted here: the service gets the listening ends."""

    def __init__(self, unit: units.Unit) -> None:
        """Open all sockets of the unit.

        Raises:
            OSError: one cannot be bound.
        """
        self.service = unit.last('Socket', 'Service') or f'{unit.name.rpartition(".")[0]}.service'
        self.name = unit.last('Socket', 'FileDescriptorName', unit.name)
        self.sockets: list[socket.socket] = []
        mode = int(unit.last('Socket', 'SocketMode', '0666'), 8)
        try:
            for address in unit.all('Socket', 'ListenStream'):
                self.sockets.append(_listen(units.specifiers(address, unit.name), mode, unit))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        for each in self.sockets:
            each.close()


def _listen(address: str, mode: int, unit: units.Unit) -> socket.socket:
    if not address.startswith('/'):
        host, _, port = address.rpartition(':')
        listener = socket.create_server((host or '', int(port)), backlog=BACKLOG)
    else:
        place = core.path(address)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.lexists(place):
            os.unlink(place)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        _bind(listener, place)
        os.chmod(place, mode)
        _own(place, unit.last('Socket', 'SocketUser'), unit.last('Socket', 'SocketGroup'))
        listener.listen(BACKLOG)
    return listener


def _bind(listener: socket.socket, place: str) -> None:
    """Bind at a path of any length: the kernel itself takes 107 bytes only."""
    folder = os.open(os.path.dirname(place), os.O_PATH | os.O_DIRECTORY)
    try:
        listener.bind(f'/proc/self/fd/{folder}/{os.path.basename(place)}')
    finally:
        os.close(folder)


def _own(place: str, user: str, group: str) -> None:
    """Give a socket to its owner; an account that is not there leaves it with root, whom it serves here anyhow."""
    import grp
    import pwd

    try:
        uid = pwd.getpwnam(user).pw_uid if user else -1
        gid = grp.getgrnam(group).gr_gid if group else -1
        os.chown(place, uid, gid)
    except (KeyError, PermissionError):
        return
