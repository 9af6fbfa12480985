"""The event loop of init: signals, ended processes, the journal's pipes, systemctl's connections, deadlines."""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import signal
import socket
import time
import traceback

from .. import core, units
from . import _journal, _notify, _process
from ._manager import Job, Manager, signal_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SOCKET = '/run/stand-in/init.sock'
GRACE_S = 20.0  # how long units have when the machine goes down, before it goes anyhow


class Client:
    """One connection of systemctl: a line of JSON in, a line out when its jobs are done."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = b''
        self.jobs: list[Job] | None = None

    def fileno(self) -> int:
        return self.connection.fileno()


class Loop:
    """Holds what the loop waits for. One instance a process."""

    def __init__(self) -> None:
        self.manager = Manager()
        self.selector = selectors.DefaultSelector()
        self.clients: list[Client] = []
        self.signals: list[int] = []
        self.idle: dict[int, socket.socket] = {}  # sockets whose service is down
        self.halting = 0.0  # when the machine goes, on the monotonic clock; 0 while it stays

    def run(self, ready: int) -> int:
        self._catch_signals()
        self._listen()
        self.manager.boot()
        _tell_ready(ready)
        while not self.halting or not (self.manager.is_down or time.monotonic() > self.halting):
            try:
                self._turn()
            except Exception:  # PID 1 must not die of a fault of its own: the machine would go with it
                _journal.note('init', traceback.format_exc())
        return 0

    def _catch_signals(self) -> None:
        reader, writer = os.pipe()
        for descriptor in (reader, writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: self.signals.append(number))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.selector.register(reader, selectors.EVENT_READ, lambda: os.read(reader, 4096))

    def _listen(self) -> None:
        place = core.path(SOCKET)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.exists(place):
            os.unlink(place)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(place)
        os.chmod(place, 0o600)
        listener.listen(64)
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))

    def _turn(self) -> None:
        """Wait for something and deal with it."""
        self._watch_sockets()  # before new pipes take the numbers of closed sockets
        self._take_streams()
        events = self.selector.select(1.0 if self.halting else self.manager.next_deadline())
        for key, _ in events:
            if key.fd in self.selector.get_map():
                key.data()
        self._reap()
        self.manager.expire()
        if any(number in (signal.SIGTERM, signal.SIGINT) for number in self.signals):
            self.halt()
        self.signals.clear()
        self._answer()

    def _take_streams(self) -> None:
        for stream in self.manager.streams:
            self.selector.register(stream, selectors.EVENT_READ, lambda stream=stream: self._drain(stream))
        self.manager.streams.clear()

    def _watch_sockets(self) -> None:
        """Wait for clients at the sockets whose service is down."""
        wanted = {} if self.halting else self.manager.idle_sockets()
        for descriptor, sock in list(self.idle.items()):
            if sock not in wanted:
                del self.idle[descriptor]
                self.selector.unregister(descriptor)
        for sock, name in wanted.items():
            if sock.fileno() not in self.idle:
                self.idle[sock.fileno()] = sock
                self.selector.register(
                    sock.fileno(), selectors.EVENT_READ, lambda name=name: self.manager.activate(name)
                )

    def _reap(self) -> None:
        ended = _process.reap()
        if ended:
            self._take_streams()
            for key in list(self.selector.get_map().values()):
                if isinstance(key.fileobj, _journal.Stream):
                    self._drain(key.fileobj)  # what it printed comes before the news of its end
        for pid, status in ended:
            self.manager.exited(pid, status)

    def _drain(self, stream: _journal.Stream | _notify.Notifications) -> None:
        if not stream.drain():
            self.selector.unregister(stream)
            stream.close()

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.setblocking(False)
        client = Client(connection)
        self.selector.register(client, selectors.EVENT_READ, lambda: self._receive(client))

    def _receive(self, client: Client) -> None:
        try:
            data = client.connection.recv(65536)
        except (BlockingIOError, ConnectionError):
            data = b''
        client.received += data
        if not data:
            self._drop(client)
        elif client.received.endswith(b'\n'):
            try:
                self._obey(client, json.loads(client.received))
            except (ValueError, KeyError) as error:
                self._reply(client, {'error': str(error)})

    def _drop(self, client: Client) -> None:
        self.selector.unregister(client)
        client.connection.close()
        if client in self.clients:
            self.clients.remove(client)

    def _reply(self, client: Client, answer: dict[str, Any]) -> None:
        client.connection.setblocking(True)
        client.connection.settimeout(2.0)
        try:
            client.connection.sendall(json.dumps(answer).encode() + b'\n')
        except OSError:  # systemctl has gone: nobody to tell
            _journal.note('init', 'a client left before its answer')
        self._drop(client)

    def _obey(self, client: Client, request: dict[str, Any]) -> None:
        manager, names = self.manager, list(request.get('units', []))
        verb = request['verb']
        jobs: dict[str, Callable[[str], Job]] = {
            'start': manager.start,
            'stop': manager.stop,
            'restart': manager.restart,
            'try-restart': lambda name: manager.restart(name, only_running=True),
            'reload': manager.reload_unit,
            'reload-or-restart': self._reload_or_restart,
            'try-reload-or-restart': lambda name: self._reload_or_restart(name, only_running=True),
        }
        if verb in jobs:
            client.jobs = [jobs[verb](name) for name in names]
            if request.get('wait', True):
                self.clients.append(client)
                self._answer()
            else:
                self._reply(client, _report([job for job in client.jobs if job.result not in ('', 'done', 'failed')]))
            return
        self._reply(client, self._ask(verb, names, request))

    def _ask(self, verb: str, names: list[str], request: dict[str, Any]) -> dict[str, Any]:
        """Do what needs no waiting and return the answer."""
        manager = self.manager
        if verb == 'show':
            return {'units': [manager.show(name) for name in names or sorted(manager.services)]}
        if verb == 'daemon-reload':
            manager.reload()
        elif verb == 'reset-failed':
            manager.reset_failed(names)
        elif verb == 'kill':
            number = signal_number(request.get('signal', 'TERM'))
            for name in names:
                manager.kill(name, number, request.get('whom', 'all'))
        elif verb == 'halt':
            self.halt()
        else:
            raise units.Bad(f'init: unknown verb {verb}')
        return {}

    def _reload_or_restart(self, name: str, *, only_running: bool = False) -> Job:
        service = self.manager.service(name)
        if service.state == 'active' and service.unit.all('Service', 'ExecReload'):
            return self.manager.reload_unit(name)
        return self.manager.restart(name, only_running=only_running)

    def _answer(self) -> None:
        for client in list(self.clients):
            if client.jobs is not None and all(job.result for job in client.jobs):
                self._reply(client, _report(client.jobs))

    def halt(self) -> None:
        """Stop all units in order; the loop then ends, and the machine with it."""
        if not self.halting:
            self.halting = time.monotonic() + GRACE_S
            self.manager.stop_all()


def _report(jobs: list[Job]) -> dict[str, Any]:
    return {'jobs': [{'unit': job.unit, 'result': job.result, 'why': job.why} for job in jobs]}


def _take_ready() -> int:
    """Return our own copy of file descriptor 3, -1 if it is not open: the next pipe would get that number."""
    try:
        descriptor = fcntl.fcntl(3, fcntl.F_DUPFD_CLOEXEC, 64)
    except OSError:
        return -1
    os.close(3)
    return descriptor


def _tell_ready(descriptor: int) -> None:
    if descriptor >= 0:
        os.write(descriptor, b'ready\n')
        os.close(descriptor)


def _furnish() -> None:
    """Put in place what a new machine has: folders that say systemd runs here, packages that come with it."""
    systemd = ('/etc/systemd/system', '/run/systemd/system', '/lib/systemd/system')
    for folder in (*systemd, '/run/stand-in', f'{core.HOME}/fail'):
        os.makedirs(core.path(folder), exist_ok=True)
    from .. import packages

    packages.furnish()


def main() -> int:
    """Be PID 1 until told to stop."""
    ready = _take_ready()
    if os.getpid() != 1:
        _process.become_reaper()
    _furnish()
    return Loop().run(ready)
