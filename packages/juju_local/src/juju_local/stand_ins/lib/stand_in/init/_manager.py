"""Jobs and dependencies: what systemctl asks for becomes jobs on units, each with a result."""

from __future__ import annotations

import os
import signal
import time

from .. import unit_files, units
from ._service import Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable
    from typing import Any

    from ._journal import Stream
    from ._notify import Notifications
    from ._sockets import Listeners

BOOT = ('sysinit.target', 'basic.target', 'sockets.target', 'multi-user.target', 'default.target')
DOWN = ('dead', 'failed')
UP = ('running', 'exited', 'active')


class Job:
    """A request on one unit; `result` is '' until it is done, then done, failed, dependency, canceled ..."""

    def __init__(self, unit: str, verb: str) -> None:
        self.unit = unit
        self.verb = verb
        self.begun = False
        self.result = ''
        self.why = ''  # the unit's own result, when the job failed


class Manager:
    """All units init knows, and the jobs on them."""

    def __init__(self) -> None:
        self.services: dict[str, Service] = {}
        self.jobs: dict[str, Job] = {}
        self.streams: list[Stream | Notifications] = []
        self.pinned: set[str] = set()  # enabled units: systemd keeps those loaded as they were

    # units

    def service(self, name: str) -> Service:
        """Return a unit by its name or an alias of it."""
        path = unit_files.find(name)
        real = os.path.basename(unit_files.real(path)) if path else name
        if path and real != 'null' and os.path.basename(path) == name and real != name and '@.' not in real:
            name = real
        if name not in self.services:
            self.services[name] = Service(name, self.settled, self.streams)
            self.services[name].sockets = self.listeners
            self.services[name].load()
        return self.services[name]

    def _fresh(self, name: str) -> Service:
        """Return a unit, read again where systemd would have forgotten it meanwhile: off, and wanted by nobody."""
        service = self.service(name)
        unread = service.load_state in ('not-found', 'bad-setting') or not service.stamp
        if service.sub == 'dead' and (unread or service.name not in self.pinned):
            service.load()
        return service

    def reload(self) -> None:
        """daemon-reload: read all units again; what runs goes on."""
        self.pinned = {unit for target in BOOT for unit in unit_files.wanted_by(target)}
        for service in list(self.services.values()):
            service.load()

    # jobs

    def boot(self) -> None:
        self.reload()
        for name in sorted(self.pinned):
            self.start(name)

    def start(self, name: str) -> Job:
        """Start a unit and what it requires or wants."""
        service = self._fresh(name)
        refusal = self._refusal(service)
        if refusal:
            return refusal
        for dependency in self._pulled_in(service):
            self._fresh(dependency)
            self._queue(dependency, 'start')
        job = self._queue(service.name, 'start')
        self.run()
        return job

    def stop(self, name: str) -> Job:
        """Stop a unit and those that cannot be without it."""
        service = self.service(name)
        if service.load_state == 'not-found' and service.sub in DOWN:
            return _done(name, 'not-loaded')
        for dependent in self._dependents(service.name, ('Requires', 'BindsTo', 'PartOf')):
            self._queue(dependent, 'stop')
        job = self._queue(service.name, 'stop')
        self.run()
        return job

    def restart(self, name: str, *, only_running: bool = False) -> Job:
        service = self._fresh(name)
        refusal = self._refusal(service)
        if refusal:
            return refusal
        if only_running and service.state not in ('active', 'reloading', 'activating'):
            return _done(name, 'done')
        if service.sub in DOWN:
            return self.start(name)
        for dependent in self._dependents(service.name, ('Requires', 'BindsTo', 'PartOf')):
            self._queue(dependent, 'restart')
        job = self._queue(service.name, 'restart')
        self.run()
        return job

    def reload_unit(self, name: str) -> Job:
        service = self.service(name)
        refusal = self._refusal(service)
        if refusal:
            return refusal
        if service.state != 'active':
            return _done(name, 'not-active')
        if not service.reload():
            return _done(name, 'not-reloadable')
        job = self._queue(service.name, 'reload')
        self.run()
        return job

    def _refusal(self, service: Service) -> Job | None:
        state = service.load_state
        return None if state == 'loaded' else _done(service.name, state, service.load_error)

    def _queue(self, name: str, verb: str) -> Job:
        """Put a job on a unit; one of another kind that was there is cancelled."""
        known = self.jobs.get(name)
        if known and known.verb == verb:
            return known
        if known:
            known.result = 'canceled'
        self.jobs[name] = Job(name, verb)
        return self.jobs[name]

    def _pulled_in(self, service: Service) -> list[str]:
        """Return what must be started with a unit: loaded, not yet up, without those that do not exist."""
        found: list[str] = []
        todo = [service.name]
        while todo:
            unit = self.service(todo.pop(0)).unit
            for key in ('Requires', 'BindsTo', 'Wants'):
                for name in unit.words('Unit', key):
                    if name not in found and name != service.name and unit_files.find(name):
                        found.append(name)
                        todo.append(name)
        return [name for name in found if self.service(name).state != 'active']

    def _dependents(self, name: str, keys: Iterable[str]) -> list[str]:
        return [
            other.name
            for other in self.services.values()
            if other.state in ('active', 'activating') and any(name in other.unit.words('Unit', key) for key in keys)
        ]

    def run(self) -> None:
        """Begin every job whose turn it is."""
        for job in list(self.jobs.values()):
            if not job.begun and not job.result and not self._waits(job):
                job.begun = True
                self._begin(job)
        waiting = [job for job in self.jobs.values() if not job.result]
        if waiting and not any(job.begun for job in waiting):  # they wait for each other: systemd breaks the cycle too
            waiting[0].begun = True
            self._begin(waiting[0])

    def _waits(self, job: Job) -> bool:
        """Say whether a unit that this one is to come after (or go before) is still under way."""
        service = self.service(job.unit)
        if job.verb == 'stop':
            others = [name for name, other in self.jobs.items() if other.verb == 'stop' and not other.result]
            return any(service.name in self.service(name).unit.words('Unit', 'After') for name in others)
        before = service.unit.words('Unit', 'After') + service.unit.words('Unit', 'BindsTo')
        pending = [name for name in before if name in self.jobs and name != job.unit]
        return any(self.jobs[name].verb != 'stop' and self.jobs[name].unit != job.unit for name in pending)

    def _begin(self, job: Job) -> None:
        service = self.service(job.unit)
        missing = self._missing_requirement(service) if job.verb in ('start', 'restart') else ''
        if missing:
            self._finish(job, 'dependency', missing)
        elif job.verb == 'stop' or (job.verb == 'restart' and service.sub not in DOWN):
            service.stop()
            self.settled(service)
        elif job.verb in ('start', 'restart'):
            self._begin_start(service)

    def _begin_start(self, service: Service) -> None:
        if service.sub == 'auto-restart':
            service.sub = 'dead'
        service.start()
        self.settled(service)

    def _missing_requirement(self, service: Service) -> str:
        """Return a required unit that is not up although its turn is over, '' if there is none."""
        after = service.unit.words('Unit', 'After')
        for key in ('Requires', 'BindsTo'):
            for name in service.unit.words('Unit', key):
                if not unit_files.find(name) and name.endswith('.service'):
                    return name
                if name in after and unit_files.find(name) and self.service(name).sub in DOWN:
                    return name
        return ''

    def settled(self, service: Service) -> None:
        """A unit changed: see whether that ends its job."""
        job = self.jobs.get(service.name)
        if job and job.begun and not job.result:
            if job.verb == 'restart' and service.sub in DOWN:
                job.verb = 'start'
                self._begin_start(service)
            elif job.verb in ('stop', 'restart'):
                if service.sub in DOWN:
                    self._finish(job, 'done')
            elif service.sub in UP or (service.sub == 'dead' and service.result == 'success'):
                self._finish(job, 'done')
            elif service.sub in ('failed', 'auto-restart'):
                self._finish(job, 'failed', service.result)
            elif service.state == 'deactivating':
                job.begun = False  # it was on its way down: start when it is there
        if service.sub in DOWN:
            self._bound_follow(service)
            if job and not job.begun and not job.result:
                self.run()

    def _bound_follow(self, service: Service) -> None:
        for name in self._dependents(service.name, ('BindsTo',)):
            if name not in self.jobs:
                self.service(name).stop()

    def _finish(self, job: Job, result: str, why: str = '') -> None:
        job.result, job.why = result, why
        if self.jobs.get(job.unit) is job:
            del self.jobs[job.unit]
        self.run()

    # what happens

    def exited(self, pid: int, status: int) -> None:
        for service in list(self.services.values()):
            if service.exited(pid, status):
                break
        for service in list(self.services.values()):
            service.check_gone()

    def expire(self) -> None:
        now = time.monotonic()
        for service in list(self.services.values()):
            if service.deadline <= now:
                service.expire()
            else:
                service.check_gone()

    def next_deadline(self) -> float | None:
        """Return how long nothing is due, in seconds; None for ever. Strays of a stopping unit are polled for."""
        now = time.monotonic()
        spans = [service.deadline - now for service in self.services.values()]
        spans += [0.05 for service in self.services.values() if service.sub == 'stop-sigterm']
        nearest = min(spans, default=float('inf'))
        return None if nearest == float('inf') else max(0.0, nearest)

    def stop_all(self) -> None:
        for service in list(self.services.values()):
            if service.sub not in DOWN:
                self._queue(service.name, 'stop')
        self.run()

    @property
    def is_down(self) -> bool:
        return all(service.sub in DOWN for service in self.services.values())

    def listeners(self, service: str) -> list[Listeners]:
        """Return the sockets that are open for a service."""
        known = [each.listeners for each in self.services.values()]
        return [each for each in known if each is not None and each.service == service]

    def idle_sockets(self) -> dict[socket.socket, str]:
        """Return the sockets at which nobody serves, and whose they are: a client there starts the service."""
        open_now = [each.listeners for each in self.services.values() if each.listeners is not None]
        idle = [each for each in open_now if self.service(each.service).sub in DOWN]
        return {sock: each.service for each in idle for sock in each.sockets}

    def activate(self, name: str) -> None:
        """Start a service because of a client at its socket; when that fails too often, the socket closes."""
        self.start(name)
        service = self.service(name)
        if service.sub not in DOWN:
            return
        for each in list(self.services.values()):
            if each.listeners is not None and each.listeners.service == name:
                each.fail(f'service-{service.result}')

    # answers

    def kill(self, name: str, number: int, whom: str) -> None:
        self.service(name).kill(number, whom)

    def reset_failed(self, names: list[str]) -> None:
        for service in [self.service(name) for name in names] or list(self.services.values()):
            service.reset_failed()

    def show(self, name: str) -> dict[str, Any]:
        """Return a unit's properties under the names `systemctl show` uses."""
        service = self.service(name)
        if service.sub == 'dead' and service.load_state != 'loaded':
            service.load()
        pid, status = service.exec_main
        return {
            'Id': service.name,
            'Names': ' '.join(dict.fromkeys((service.name, name))),
            'Description': service.description,
            'LoadState': service.load_state,
            'LoadError': service.load_error,
            'ActiveState': service.state,
            'SubState': service.sub,
            'Result': service.result,
            'Type': service.kind,
            'Restart': service.unit.last('Service', 'Restart', 'no'),
            'MainPID': service.main_pid,
            'ControlPID': service.control_pid,
            'ExecMainPID': service.main_pid or pid,
            'ExecMainCode': 0 if not pid else 1 if os.WIFEXITED(status) else 2,
            'ExecMainStatus': 0
            if not pid
            else os.WTERMSIG(status)
            if os.WIFSIGNALED(status)
            else os.WEXITSTATUS(status),
            'NRestarts': service.restarts,
            'InvocationID': service.invocation,
            'StateChangeTimestamp': service.changed,
            'ExecMainStartTimestamp': service.started,
            'FragmentPath': unit_files.find(service.name),
            'DropInPaths': ' '.join(unit_files.drop_ins(service.name)),
            'UnitFileState': unit_files.state(service.name),
            'NeedDaemonReload': 'yes' if service.stamp and service.stamp != unit_files.stamp(service.name) else 'no',
            'Environment': ' '.join(service.unit.all('Service', 'Environment')),
            'Job': self.jobs[service.name].verb if service.name in self.jobs else '',
        }


def _done(unit: str, result: str, why: str = '') -> Job:
    job = Job(unit, '')
    job.result, job.why = result, why
    return job


def signal_number(text: str) -> int:
    """Return a signal's number from `TERM`, `SIGTERM` or `15`."""
    if text.isdigit():
        return int(text)
    name = text.upper() if text.upper().startswith('SIG') else f'SIG{text.upper()}'
    if name not in signal.Signals.__members__:
        raise units.Bad(f'Failed to parse signal string {text}.')
    return int(signal.Signals[name])
