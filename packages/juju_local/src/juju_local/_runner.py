"""Carries out one operation of a unit: prepares its machine, runs the process, keeps or drops what it wrote."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from juju_local import _context, _deployer, _environment, _finish, _logs, _machine, _process, _resolver, _tools
from juju_local._context import HookContext
from juju_local._db import Database, Run
from juju_local._events import Progress, RunEnded, RunStarted
from juju_local._machine import Machines
from juju_local._operation import Operation
from juju_local._server import Live, Server
from juju_local._state import Model, Status

RETRIES = 3  # automatic ones while the engine runs
RETRY_FIRST_S = 0.5
NEVER = 4e9  # a time that does not come: a failed hook waits for `resolved` or the next command


@dataclass(frozen=True)
class Crash:
    """For tests: kill the hook at its n-th tool call. '' means any unit, any hook."""

    call: int
    unit: str = ''
    name: str = ''

    def hits(self, unit: str, name: str) -> bool:
        return self.unit in ('', unit) and self.name in ('', name)


@dataclass(frozen=True)
class Job:
    """An operation that has begun, and what it needs, read from the model when it began."""

    operation: Operation
    machine: str
    name: str  # of the hook or action, 'run-commands', 'upgrade', 'die'
    charm_url: str
    charm: Path
    resources: dict[str, tuple[Path, str, int]]
    context: HookContext | None
    environment: dict[str, str]
    command: str


def begin(model: Model, operation: Operation, directory: Path, now: float, randomness: int) -> Job:
    """Begin an operation in a transaction and note what it needs."""
    _resolver.begin(model, operation, now)
    unit = model.units[operation.unit]
    app = model.applications[unit.app]
    url = operation.charm_url or unit.agent.charm_url or app.charm_url
    charm = model.charms[url]
    context = None
    environment: dict[str, str] = {}
    if operation.kind in ('hook', 'action', 'command'):
        context = _context.create(model, operation, now, randomness=randomness)
        environment = _environment.environment(
            model,
            context,
            charm_dir=str(_deployer.charm_folder(unit.name)),
            tools_dir=str(_deployer.tools_folder(unit.name)),
            socket=_machine.SOCKET,
        )
    action = model.actions.get(operation.action)
    return Job(
        operation,
        unit.machine,
        _name(model, operation),
        url,
        directory / charm.directory,
        {
            name: (directory / resource.path, str(charm.resources[name].get('filename', name)), resource.revision)
            for name, resource in app.resources.items()
            if name in charm.resources
        },
        context,
        environment,
        action.command if action is not None else '',
    )


def _name(model: Model, operation: Operation) -> str:
    if operation.kind == 'hook':
        pending = model.units[operation.unit].agent.pending
        return pending.name if pending is not None else ''
    if operation.kind == 'action':
        return model.actions[operation.action].name
    return 'run-commands' if operation.kind == 'command' else operation.kind


class Runner:
    """Runs jobs, each to its end."""

    def __init__(
        self,
        database: Database,
        machines: Machines,
        server: Server,
        log: _logs.Log,
        progress: Progress,
        crash: Crash | None,
    ) -> None:
        self.running: dict[str, Live] = {}  # unit -> what runs there
        self._database, self._machines, self._server = database, machines, server
        self._log, self._progress, self._crash = log, progress, crash
        self._abandoned = False

    async def run(self, job: Job, turn: Callable[[], asyncio.Future[None] | None] = lambda: None) -> None:
        """Carry out a job; before its result is kept, await `turn` (others' results are to be kept first)."""
        unit, kind = job.operation.unit, job.operation.kind
        self._progress(RunStarted(unit, kind, job.name))
        began, started = time.monotonic(), time.time()
        live = Live(job.context, lambda: None) if job.context is not None else None
        ended, reason = await self._process(job, live)
        before = turn()
        if before is not None:
            await before
        if self._abandoned or (not self._machines.is_running(job.machine) and kind != 'die'):
            return  # killed, or the machine died under it: it stays pending, and runs again
        calls = live.calls if live is not None else 0
        with self._database.transaction() as model:
            now = time.time()
            reason = self._end(model, job, ended, now) or reason
            run = Run(unit, job.name, started, time.monotonic() - began, calls, reason)
            if live is not None:
                self._database.record(run)
        if reason:
            self._say(unit, 'ERROR', 'juju.worker.uniter.operation', f'{kind} "{job.name}" failed: {reason}')
        self._progress(RunEnded(unit, kind, job.name, run.seconds, calls, reason))

    def resume(self) -> None:
        self._abandoned = False

    def abandon(self) -> None:
        """Kill what runs; it stays pending and runs again with the next engine."""
        self._abandoned = True
        for live in self.running.values():
            live.dead = True
            live.kill()

    async def _process(self, job: Job, live: Live | None) -> tuple[_finish.Exit, str]:
        try:
            program = await asyncio.to_thread(self._prepare, job)
        except (OSError, _machine.MachineError) as error:
            self._say(job.operation.unit, 'ERROR', 'juju.worker.uniter.charm', f'preparing {job.name}: {error}')
            return _finish.Exit(1), f'cannot prepare {job.name}: {error}'
        if live is None or not program:
            return _finish.Exit(None), ''
        return await self._execute(job, live, program), ''

    def _prepare(self, job: Job) -> list[str]:
        """Make the machine ready for the job; return the argument list to run in it, empty if there is nothing."""
        unit, kind = job.operation.unit, job.operation.kind
        root = self._machines.root(job.machine)
        if kind == 'die':
            _deployer.remove_unit(root, unit)
            return []
        _deployer.install_charm(root, unit, job.charm, job.charm_url)
        _deployer.install_tools(root, unit, _tools.NAMES, _machine.HOOKTOOL)
        _deployer.install_resources(root, unit, job.resources)
        if kind == 'command':
            return ['/bin/bash', '-c', job.command]
        path = _deployer.program(root, unit, kind, job.name) if kind in ('hook', 'action') else ''
        return [path] if path else []

    async def _execute(self, job: Job, live: Live, program: list[str]) -> _finish.Exit:
        unit = job.operation.unit
        tag, module = _logs.unit_tag(unit), f'unit.{unit}.{job.name}'

        def on_line(stream: str, line: str) -> None:
            level = 'DEBUG' if stream == 'stdout' else 'WARNING'
            self._log.append([_logs.Record(time.time(), tag, level, module, line)])

        if self._crash is not None and self._crash.hits(unit, job.name):
            live.kill_at = self._crash.call
        try:
            command = self._machines.command(job.machine, program, cwd=str(_deployer.charm_folder(unit)))
            process = await _process.spawn(command, job.environment, on_line)
        except (OSError, _machine.MachineError) as error:
            self._say(unit, 'ERROR', module, f'cannot run {program[0]}: {error}')
            return _finish.Exit(1)
        live.kill = process.kill
        self._server.live[live.context.id] = live
        self.running[unit] = live
        try:
            ended = await process.wait()
        finally:
            del self._server.live[live.context.id], self.running[unit]
        return _finish.Exit(137 if live.dead else ended.code, ended.stdout, ended.stderr)

    def _end(self, model: Model, job: Job, ended: _finish.Exit, now: float) -> str:
        if job.context is None:
            if ended.code:
                return self._not_upgraded(model, job, now)
            _resolver.commit(model, job.operation, now)
            return ''
        reason = _finish.finish(model, job.context, job.operation, ended, now)
        unit = model.units.get(job.operation.unit)
        if reason and unit is not None and unit.agent.failed:
            tries = unit.agent.retries
            unit.agent.retry_at = now + RETRY_FIRST_S * 2 ** (tries - 1) if tries <= RETRIES else NEVER
        return reason

    def _not_upgraded(self, model: Model, job: Job, now: float) -> str:
        """A charm that could not be put in place: the unit says so, and tries again with the next command."""
        unit = model.units[job.operation.unit]
        unit.agent_status = Status('failed', f'cannot install charm {job.charm_url}', now)
        model.touch('unit', unit.name)
        return f'cannot {job.name}'

    def _say(self, unit: str, level: str, module: str, message: str) -> None:
        self._log.append([_logs.Record(time.time(), _logs.unit_tag(unit), level, module, message)])
