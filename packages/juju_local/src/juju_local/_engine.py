"""Runs a model until it has settled: chooses operations, runs them in parallel, keeps what they did.

The loop is small because it remembers nothing: what is to be done next is asked of the database each time, so an engine
may die at any point and the next one goes on. One engine at a time works on a model (`engine.lock`).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from juju_local import _life, _logs, _network, _order, _plan, _process, _resolver, _runner, _tools
from juju_local._db import Database
from juju_local._events import (
    Event,
    Following,
    MachineFailed,
    MachineRemoved,
    MachineStarted,
    MachineStarting,
    Progress,
    Retrying,
    RunEnded,
    Settled,
    Stopping,
    Waiting,
)
from juju_local._machine import MachineError, Machines, NotPermittedError, Spec
from juju_local._runner import Crash, Runner
from juju_local._server import Server
from juju_local._state import Machine, Model, Status

POLL_S = 0.25  # how soon the work of another process (a verb) is seen
SETTLE_LIMIT_S = 300.0  # how long units that wait are given, in all, once nothing else is to be done
TICK_LONGEST_S = 30.0
TRANSIENT = ('waiting', 'maintenance')


class Engine:
    """Works on one model.

    Args:
        store: where the machines' programs come from.
        seed: makes what Juju leaves open reproducible: hooks that run side by side are then committed in the order in
            which they were begun. None takes the model's own seed.
        cores: how many hooks run at once.
        settle_limit_s: how long units that wait for something are sent update-status, which Juju does each 5 minutes.
        tolerated: unit -> workload status and message; who shows just that is not waited for (it did so before).
        crash: kills hooks, for tests; also from $JUJU_LOCAL_CRASH, `CALL[:UNIT[:HOOK]]`.
    """

    def __init__(
        self,
        database: Database,
        directory: Path,
        *,
        store: Path,
        seed: int | None = None,
        cores: int | None = None,
        progress: Progress | None = None,
        settle_limit_s: float = SETTLE_LIMIT_S,
        tolerated: Mapping[str, tuple[str, str]] | None = None,
        crash: Crash | None = None,
    ) -> None:
        self.database, self.directory = database, directory.resolve()
        self.machines = Machines(self.directory, store)
        self.log = _logs.Log(self.directory)
        self.cores = cores or os.cpu_count() or 1
        self.seed = seed
        self.settle_limit_s = settle_limit_s
        self._tolerated = dict(tolerated or {})
        self._progress: Progress = progress or (lambda _event: None)
        self._crash = crash or _crash_from_environment()
        self._server = Server(database, self.machines.run_directory, log=self.log, run_command=self._run_command)
        self._runner = Runner(database, self.machines, self._server, self.log, self._progress, self._crash)
        self._jobs: dict[asyncio.Task[None], str] = {}  # task -> the machine it keeps busy
        self._up: set[str] = set()
        self._machine_errors: dict[str, str] = {}
        self._known_hosts: dict[str, str] | None = None
        self._last: asyncio.Future[None] | None = None
        self._guests = 0  # juju-run calls from inside machines that wait for their answer
        self._stopping = False
        self._random = random.Random(seed)  # noqa: S311  decides orders

    def settle(self, until: Callable[[Model], bool] | None = None) -> Settled:
        """Work until nothing is left to do or `until` says that it is enough.

        Raises:
            NotPermittedError: machines cannot be made here; the message says what is missing.
        """
        with self._alone():
            return asyncio.run(self._settle(until))

    # -- the loop

    async def _settle(self, until: Callable[[Model], bool] | None) -> Settled:
        self._stopping, self._last = False, None
        self._machine_errors.clear()
        self._runner.resume()
        self._recover()
        await self._server.start()
        handled = self._handle_signals()
        try:
            return await self._loop(until)
        finally:
            for number in handled:
                asyncio.get_running_loop().remove_signal_handler(number)
            self._runner.abandon()
            await asyncio.gather(*self._jobs, return_exceptions=True)
            await self._server.stop()

    async def _loop(self, until: Callable[[Model], bool] | None) -> Settled:
        idle = _Patience(self.settle_limit_s)
        while True:
            if until is not None and until(self.database.read()):
                self._stopping = True
            if not self._stopping:
                self._launch()
            if self._jobs:
                done, _ = await asyncio.wait(self._jobs, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del self._jobs[task]
                    task.result()
                continue
            if self._stopping:
                return self._settled(interrupted=until is None)
            if self._guests:
                await asyncio.sleep(POLL_S / 5)
                continue
            if not await self._bide(idle):
                return self._settled()

    async def _bide(self, idle: _Patience) -> bool:
        """Nothing runs: wait for a retry, or send update-status to who waits; False if there is neither."""
        model = self.database.read()
        retries = {
            name: due for name in model.units if (due := _resolver.due(model, name)) is not None and due < _runner.NEVER
        }
        if retries:
            pause = max(0.0, min(retries.values()) - time.time())
            self._progress(Retrying(tuple(sorted(retries)), pause))
            await self._sleep(pause)
            return True
        waiting = [name for name in _waiting(model) if _shown(model, name) != self._tolerated.get(name)]
        patience = idle.pause(tuple((name, *_shown(model, name)) for name in waiting))
        if not waiting or patience is None:
            return False
        self._progress(Waiting(tuple(waiting), patience))
        if await self._sleep(patience) and not self._stopping:
            with self.database.transaction() as model:
                _plan.tick(model, [name for name in waiting if name in model.units])
        return True

    async def _sleep(self, seconds: float) -> bool:
        """Sleep until the time is up (True), or another process or a signal gives us something to do."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._stopping or self.database.changed() or self._jobs:
                return False
            await asyncio.sleep(min(left, POLL_S))
        return True

    def _launch(self) -> None:
        """Start all that can be started now."""
        with self.database.transaction() as model:
            self._hosts(model)
            self._launch_machines(model)
            if self.seed is not None and self._jobs:
                return  # reproducible: in rounds
            self._launch_units(model)

    def _launch_units(self, model: Model) -> None:
        names, now = self._shuffled(model), time.time()
        free, slots = self._up.difference(self._jobs.values()), self.cores - len(self._jobs)
        if self.seed is None:
            operations = _order.chosen(model, names, free, slots, now, busy=bool(self._jobs))
        else:
            operations = _order.drawn(model, names, free, slots, now)
        for operation in operations:
            self._begin(model, operation)

    def _begin(self, model: Model, operation: _resolver.Operation) -> None:
        job = _runner.begin(model, operation, self.directory, time.time(), self._random.getrandbits(63))
        turn = asyncio.get_running_loop().create_future()
        self._add(self._operate(job, self._last, turn), job.machine)
        self._last = turn

    async def _operate(self, job: _runner.Job, before: asyncio.Future[None] | None, turn: asyncio.Future[None]) -> None:
        try:
            await self._runner.run(job, (lambda: before) if self.seed is not None else (lambda: None))
        finally:
            turn.set_result(None)
        if not self.machines.is_running(job.machine):
            self._up.discard(job.machine)
        elif self._reboots(job.machine):
            self._up.discard(job.machine)
            await asyncio.to_thread(self.machines.stop, job.machine)

    def _shuffled(self, model: Model) -> list[str]:
        names = sorted(model.units)
        if model.settings.seed is not None and self.seed is None:
            self.seed = model.settings.seed
        past = sum(unit.agent.hooks for unit in model.units.values())
        dice = self._random if self.seed is None else random.Random(f'{self.seed}:{past}')  # noqa: S311
        dice.shuffle(names)
        return names

    def _add(self, work: object, machine: str) -> None:
        self._jobs[asyncio.get_running_loop().create_task(work)] = machine  # type: ignore[arg-type]

    # -- machines

    def _launch_machines(self, model: Model) -> None:
        for machine in list(model.machines.values()):
            if machine.id in self._jobs.values():
                continue
            if machine.life != 'alive':
                self._add(self._remove(machine.id), machine.id)
            elif machine.id not in self._up and machine.id not in self._machine_errors and len(self._jobs) < self.cores:
                self._add(self._start(_spec(model, machine), dict(self._known_hosts or {})), machine.id)

    async def _start(self, spec: Spec, hosts: dict[str, str]) -> None:
        began = time.monotonic()
        if not self.machines.is_running(spec.id):
            self._progress(MachineStarting(spec.id))
        try:
            await asyncio.to_thread(self.machines.start, spec, hosts)
        except NotPermittedError:
            raise
        except (MachineError, OSError) as error:
            self._machine_failed(spec.id, str(error))
            return
        with self.database.transaction() as model:
            machine = model.machines[spec.id]
            if machine.status.current in ('started', 'down'):  # it was there before: what came now is a reboot
                _plan.rebooted(model, spec.id)
            machine.status = Status('started', since=time.time())
            model.touch('machine', spec.id)
        self._up.add(spec.id)
        self._progress(MachineStarted(spec.id, time.monotonic() - began))

    def _machine_failed(self, machine: str, reason: str) -> None:
        self._machine_errors[machine] = reason
        with self.database.transaction() as model:
            model.machines[machine].status = Status('down', reason, time.time())
            model.touch('machine', machine)
        self.log.append([_logs.Record(time.time(), f'machine-{machine}', 'ERROR', 'juju.provisioner', reason)])
        self._progress(MachineFailed(machine, reason))

    async def _remove(self, machine: str) -> None:
        await asyncio.to_thread(self.machines.remove, machine)
        with self.database.transaction() as model:
            _life.bury_machine(model, machine)
        self._up.discard(machine)
        self._progress(MachineRemoved(machine))

    def _reboots(self, machine: str) -> bool:
        model = self.database.read()
        return any(unit.agent.reboot for unit in model.units.values() if unit.machine == machine)

    def _hosts(self, model: Model) -> None:
        """Tell the machines of each other when one came or went."""
        hosts = {
            machine.hostname: machine.address or _network.address(machine.id) for machine in model.machines.values()
        }
        if hosts != self._known_hosts:
            self._known_hosts = hosts
            self.machines.write_hosts(hosts)

    # -- beginning and end

    def _recover(self) -> None:
        """Clean up after an engine that died, and look which machines are up."""
        now = time.time()
        with self.database.transaction() as model:
            up = {name: pid for name in model.machines if (pid := self.machines.pid(name)) is not None}
            _process.kill_left_over(up.values())
            _resolver.recover(model, now)
            for unit in model.units.values():
                if unit.agent.failed and unit.agent.retry_at:  # a new command: tried again
                    unit.agent.retries, unit.agent.retry_at = 0, now
                    model.touch('unit', unit.name)
        self._up = {name for name in up if not self._reboots(name)}
        for name in up.keys() - self._up:
            self.machines.stop(name)

    def _settled(self, *, interrupted: bool = False) -> Settled:
        model = self.database.read()
        errors = {
            name: unit.agent.pending.name
            for name, unit in model.units.items()
            if unit.agent.failed and unit.agent.pending
        }
        waiting = {name: _shown(model, name)[1] for name in _waiting(model)}
        return Settled(waiting, errors, dict(self._machine_errors), interrupted)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the engine's lock; while another process has it, wait until that one has settled or died."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / 'engine.lock').open('a') as lock:
            if not _locked(lock):
                self._progress(Following())
                self._follow(lock)
            yield

    def _follow(self, lock: TextIO) -> None:
        """Tell what the other process does until it lets go."""
        ended, seen = False, max((number for number, _ in self.database.runs()), default=0)
        while not ended:
            ended = _locked(lock)
            for number, run in self.database.runs(seen):
                seen = number
                self._progress(RunEnded(run.unit, 'hook', run.name, run.seconds, run.calls, run.reason))
            if not ended:
                time.sleep(POLL_S)

    def _handle_signals(self) -> list[int]:
        if threading.current_thread() is not threading.main_thread():
            return []
        numbers = [signal.SIGINT, signal.SIGTERM]
        for number in numbers:
            asyncio.get_running_loop().add_signal_handler(number, self._interrupt)
        return [int(number) for number in numbers]

    def _interrupt(self) -> None:
        """First: start nothing more. Again: kill what runs; it is run again by the next command."""
        if self._stopping:
            self._runner.abandon()
        self._stopping = True
        self._progress(Stopping(tuple(self._runner.running)))

    # -- juju-run inside a machine

    async def _run_command(self, arguments: Sequence[str]) -> _tools.Output:
        """Carry out `juju-run [UNIT] COMMAND...` of a machine, in the unit's own turn."""
        words = [word for word in arguments if not word.startswith('-')]
        if len(words) < 2:
            return _tools.Output(2, stderr=b'ERROR usage: juju-run UNIT COMMAND\n')
        command = words[1] if len(words) == 2 else shlex.join(words[1:])
        try:
            with self.database.transaction() as model:
                task = _plan.queue_command(model, words[0], command, time.time()).id
        except _plan.Refused as error:
            return _tools.Output(1, stderr=f'ERROR {error.message}\n'.encode())
        self._guests += 1
        try:
            while (action := self.database.read().actions[task]).status in ('pending', 'running'):
                await asyncio.sleep(POLL_S / 5)
        finally:
            self._guests -= 1
        stdout, stderr = (str(action.results.get(name, '')).encode() for name in ('stdout', 'stderr'))
        return _tools.Output(int(str(action.results.get('return-code', 1))), stdout, stderr)


class _Patience:
    """How long to wait before the next update-status: 1, 2, 4 ... s, from 1 again when something changed."""

    def __init__(self, limit_s: float) -> None:
        self._left_s = limit_s
        self._pause_s = 1.0
        self._seen: object = None

    def pause(self, shown: object) -> float | None:
        """Return the seconds to wait, or None when the limit is reached."""
        self._pause_s = 1.0 if shown != self._seen else min(self._pause_s * 2, TICK_LONGEST_S)
        self._seen = shown
        if self._left_s <= 0:
            return None
        pause = min(self._pause_s, self._left_s)
        self._left_s -= pause
        return pause


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _waiting(model: Model) -> list[str]:
    """Return the units that are healthy and wait for something."""
    return [
        name
        for name, unit in model.units.items()
        if unit.agent.started and unit.life == 'alive' and not unit.agent.failed and unit.workload.current in TRANSIENT
    ]


def _shown(model: Model, name: str) -> tuple[str, str]:
    return model.units[name].workload.current, model.units[name].workload.message


def _spec(model: Model, machine: Machine) -> Spec:
    address = machine.address or _network.address(machine.id)
    name, version = model.settings.name, model.settings.version
    return Spec(machine.id, machine.hostname, address, name, version, machine.series, tuple(machine.gpus))


def _crash_from_environment() -> Crash | None:
    text = os.environ.get('JUJU_LOCAL_CRASH', '')
    if not text:
        return None
    call, _, rest = text.partition(':')
    unit, _, name = rest.partition(':')
    return Crash(int(call), unit, name)


__all__ = ['Crash', 'Engine', 'Event', 'Settled']
