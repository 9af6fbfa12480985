"""One unit's life: a state machine fed with requests, exits of processes and deadlines.

States are systemd's (`ActiveState`, `SubState`), so are results (`Result`) and the rules of systemd.service(5).
"""

from __future__ import annotations

import os
import signal
import time
import uuid

from .. import core, unit_files, units
from . import _journal, _notify, _process, _sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

INFINITY = float('inf')
CLEAN_SIGNALS = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE}
NOT_RESTARTED = {  # Restart= -> the results after which a unit does not come back by itself
    'always': set(),
    'on-failure': {'success'},
    'on-abnormal': {'success', 'exit-code'},
}
RESTARTED = {'on-success': {'success'}, 'on-abort': {'signal', 'core-dump'}, 'on-watchdog': {'watchdog'}, 'no': set()}
ACTIVE_STATES = {
    'dead': 'inactive', 'failed': 'failed', 'auto-restart': 'activating', 'start-pre': 'activating',
    'start': 'activating', 'start-post': 'activating', 'running': 'active', 'exited': 'active', 'active': 'active',
    'reload': 'reloading', 'stop': 'deactivating', 'stop-sigterm': 'deactivating', 'stop-sigkill': 'deactivating',
    'stop-post': 'deactivating',
}  # fmt: skip


class Service:
    """A unit that init knows. `sub` is where it is in its life; `settled` is told whenever a job may have ended."""

    def __init__(
        self, name: str, settled: Callable[[Service], None], streams: list[_journal.Stream | _notify.Notifications]
    ) -> None:
        self.name = name
        self.unit = units.Unit(name)
        self.stamp: list[tuple[str, int]] = []
        self.load_error = ''
        self.sub = 'dead'
        self.result = 'success'
        self.main_pid = 0
        self.control_pid = 0
        self.exec_main: tuple[int, int] = (0, 0)  # pid and wait status of the last main process
        self.invocation = ''
        self.deadline = INFINITY
        self.restarts = 0
        self.changed = time.time()  # of the state; seconds since the epoch
        self.started = 0.0
        self.asked_to_stop = False
        self._starts: list[float] = []
        self._queue: list[units.Command] = []
        self._running: units.Command | None = None
        self._main_may_fail = False
        self._variables: dict[str, str] = {}
        self._settled = settled
        self._streams = streams
        self._notifications: _notify.Notifications | None = None
        self.listeners: _sockets.Listeners | None = None  # of a socket unit that listens
        self.sockets: Callable[[str], list[_sockets.Listeners]] = lambda _name: []  # that pass theirs to this service

    # what it is

    @property
    def state(self) -> str:
        return ACTIVE_STATES[self.sub]

    @property
    def kind(self) -> str:
        has_program = self.unit.all('Service', 'ExecStart')
        return self.unit.last('Service', 'Type', 'simple' if has_program else 'oneshot')

    @property
    def is_program(self) -> bool:
        """Only services run something; targets, sockets and the like are merely on or off here."""
        return self.name.endswith('.service')

    def load(self) -> None:
        """Read the unit's files again."""
        self.stamp = unit_files.stamp(self.name)
        try:
            self.unit = unit_files.load(self.name)
            self.load_error = self._check()
        except units.Bad as error:
            self.load_error = str(error)

    def _check(self) -> str:
        for key in ('ExecStartPre', 'ExecStart', 'ExecStartPost', 'ExecReload', 'ExecStop', 'ExecStopPost'):
            self._commands(key)
        if self.is_program and not self.unit.all('Service', 'ExecStart') and not self.unit.all('Service', 'ExecStop'):
            return f'{self.name}: Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.'
        if self.kind not in ('oneshot',) and len(self.unit.all('Service', 'ExecStart')) > 1:
            return (
                f'{self.name}: Service has more than one ExecStart= setting, which is only allowed for '
                'Type=oneshot services. Refusing.'
            )
        return ''

    @property
    def load_state(self) -> str:
        if not unit_files.find(self.name) and not self.stamp:
            return 'not-found'
        if unit_files.is_masked(self.name):
            return 'masked'
        return 'bad-setting' if self.load_error else 'loaded'

    def _commands(self, key: str) -> list[units.Command]:
        return [units.Command(line, self.name) for line in self.unit.all('Service', key)]

    # requests

    def start(self) -> None:
        """Begin to start, unless it already is or does."""
        if self.state in ('active', 'reloading', 'deactivating') or self.sub in ('start-pre', 'start', 'start-post'):
            return None
        if self.load_error:
            _journal.note(self.name, f'{self.name}: Cannot start: {self.load_error}')
            return self._die('resources')
        if not self._conditions_hold():
            return self._to('dead')
        if self._starts_too_often():
            _journal.note(self.name, f'{self.name}: Start request repeated too quickly.')
            return self._die('start-limit-hit')
        self.asked_to_stop = False
        self.result = 'success'
        if self.name.endswith('.socket') and not self._listen():
            return self._die('resources')
        if not self.is_program:
            return self._to('active')
        return self._prepare()

    def _listen(self) -> bool:
        try:
            self.listeners = _sockets.Listeners(self.unit)
        except (OSError, ValueError) as error:
            _journal.note(self.name, f'{self.name}: Failed to listen on sockets: {error}')
            return False
        _journal.note(self.name, f'Listening on {self.description}.')
        return True

    def _prepare(self) -> None:
        self.main_pid = self.control_pid = 0
        self.started = time.time()
        self.invocation = uuid.uuid4().hex
        try:
            self._variables = _process.environment(self.unit, self.invocation)
        except units.Bad as error:
            _journal.note(self.name, f'{self.name}: {error}')
            self._die('resources')
            return
        for key in ('RuntimeDirectory', 'StateDirectory', 'LogsDirectory', 'CacheDirectory'):
            self._make_folders(key)
        _journal.note(self.name, f'Starting {self.description}...')
        self._enter('start-pre', 'ExecStartPre')

    def _make_folders(self, key: str) -> None:
        base = {'R': '/run', 'S': '/var/lib', 'L': '/var/log', 'C': '/var/cache'}[key[0]]
        for each in self.unit.words('Service', key):
            os.makedirs(core.path(f'{base}/{each}'), exist_ok=True)

    def stop(self) -> None:
        """Begin to stop, unless it is down or on the way."""
        self.asked_to_stop = True
        if self.sub == 'auto-restart':
            self._to('dead')
        elif self.sub in ('running', 'exited') and self.unit.all('Service', 'ExecStop'):
            _journal.note(self.name, f'Stopping {self.description}...')
            self._enter('stop', 'ExecStop')
        elif self.state in ('active', 'activating', 'reloading'):
            _journal.note(self.name, f'Stopping {self.description}...')
            self._terminate()

    def reload(self) -> bool:
        """Run ExecReload; False if the unit cannot be reloaded."""
        if not self.unit.all('Service', 'ExecReload'):
            return False
        self._variables['MAINPID'] = str(self.main_pid)
        self._enter('reload', 'ExecReload')
        return True

    def fail(self, result: str) -> None:
        """Give up a socket unit."""
        self.asked_to_stop = True
        self.result = result
        self._terminate()

    def kill(self, number: int, whom: str) -> None:
        pids = {self.main_pid} - {0} if whom == 'main' else self.members()
        _process.send(pids, number)

    def reset_failed(self) -> None:
        self._starts.clear()
        self.restarts = 0
        if self.sub == 'failed':
            self.result = 'success'
            self._to('dead')

    @property
    def description(self) -> str:
        return self.unit.last('Unit', 'Description', self.name)

    def members(self) -> set[int]:
        return _process.members(self.invocation, {self.main_pid, self.control_pid} - {0})

    def _conditions_hold(self) -> bool:
        for line in self.unit.all('Unit', 'ConditionPathExists'):
            wanted, place = not line.startswith('!'), line.lstrip('!|')
            if os.path.exists(core.path(place)) is not wanted:
                _journal.note(self.name, f'Condition check resulted in {self.description} being skipped.')
                return False
        return True

    def _starts_too_often(self) -> bool:
        # [Unit] since systemd 230, [Service] before; both are still read, and so is the old name
        sections = (
            ('Unit', 'StartLimitIntervalSec'),
            ('Unit', 'StartLimitInterval'),
            ('Service', 'StartLimitInterval'),
        )
        interval = next((self.unit.seconds(*each, 10.0) for each in sections if self.unit.last(*each)), 10.0)
        burst = int(self.unit.last('Unit', 'StartLimitBurst') or self.unit.last('Service', 'StartLimitBurst', '5'))
        if not interval or not burst:
            return False
        now = time.monotonic()
        self._starts = [each for each in self._starts if now - each < interval]
        if len(self._starts) >= burst:
            return True
        self._starts.append(now)
        return False

    # phases

    def _to(self, sub: str) -> None:
        before = self.state
        self.sub = sub
        if self.state != before:
            self.changed = time.time()
        if sub in ('dead', 'failed', 'running', 'exited', 'active'):
            self.deadline = INFINITY
            self._settled(self)

    def _enter(self, phase: str, key: str) -> None:
        """Begin a phase that runs commands one after the other."""
        self.sub = phase
        self._queue = self._commands(key)
        default = INFINITY if self.kind == 'oneshot' and phase.startswith('start') else 90.0
        spans = 'TimeoutStopSec' if phase.startswith('stop') else 'TimeoutStartSec'
        self._arm(self.unit.seconds('Service', spans, self.unit.seconds('Service', 'TimeoutSec', default)))
        self._next()

    def _arm(self, span_s: float) -> None:
        self.deadline = time.monotonic() + span_s if span_s else INFINITY

    def _next(self) -> None:
        """Run the phase's next command, or go to the next phase."""
        if self._queue:
            self._running = self._queue.pop(0)
            if self.sub == 'start' and self.kind == 'oneshot':
                self._main_may_fail = self._running.may_fail
                self.main_pid = self._spawn(self._running)
            else:
                self.control_pid = self._spawn(self._running)
            return
        self._running = None
        {
            'start-pre': self._start_main,
            'start': self._started_main,
            'start-post': self._up,
            'reload': self._up,
            'stop': self._terminate,
            'stop-post': self._end,
        }[self.sub]()

    def _start_main(self) -> None:
        if self.kind in ('oneshot', 'forking'):
            self._enter('start', 'ExecStart')
            return
        self.sub = 'start'
        command = self._commands('ExecStart')[0]
        self._main_may_fail = command.may_fail
        if self.kind == 'notify':
            self._notifications = _notify.Notifications(self.invocation, self.ready)
            self._streams.append(self._notifications)
            self._variables['NOTIFY_SOCKET'] = self._notifications.address
        self.main_pid = self._spawn(command)
        if self.kind != 'notify':
            self._enter('start-post', 'ExecStartPost')

    def ready(self) -> None:
        """The unit says that it is up."""
        if self.sub == 'start':
            self._enter('start-post', 'ExecStartPost')

    def _started_main(self) -> None:
        """The start commands of a oneshot or forking unit are done."""
        if self.kind == 'forking':
            self.main_pid = self._forked_pid()
        self._enter('start-post', 'ExecStartPost')

    def _forked_pid(self) -> int:
        place = self.unit.last('Service', 'PIDFile')
        if place:
            text = core.read(place if place.startswith('/') else f'/run/{place}').strip()
            if text.isdigit():
                return int(text)
        left = self.members()
        return min(left) if left else 0

    def _up(self) -> None:
        if self.sub == 'start-post':
            verb = 'Finished' if self.kind == 'oneshot' else 'Started'
            _journal.note(self.name, f'{verb} {self.description}.')
        if self.main_pid and self.kind != 'oneshot':
            self._to('running')
        elif self.unit.is_set('Service', 'RemainAfterExit'):
            self._to('exited')
        else:
            self._terminate()

    def _spawn(self, command: units.Command) -> int:
        """Run a command, with a pipe of its own to the journal, which ends with its last process."""
        stream = _journal.Stream(self.name)
        passed = [(each.name, sock.fileno()) for each in self.sockets(self.name) for sock in each.sockets]
        pid = _process.spawn(self.unit, command, self._variables, stream.writer, passed)
        os.close(stream.writer)
        identifier = self.unit.last('Service', 'SyslogIdentifier') or os.path.basename(command.program)
        stream.source = f'{identifier}[{pid}]'
        self._streams.append(stream)
        return pid

    def exited(self, pid: int, status: int) -> bool:
        """Take note that a process ended; False if it was none of this unit's own."""
        if pid == self.main_pid:
            self._main_exited(pid, status)
        elif pid == self.control_pid:
            self._control_exited(status)
        else:
            return False
        return True

    def _main_exited(self, pid: int, status: int) -> None:
        self.main_pid = 0
        self.exec_main = (pid, status)
        result = 'success' if self._main_may_fail else self._judge(status)
        if self.kind == 'notify' and self.sub == 'start' and result == 'success':
            result = 'protocol'  # it ended well, but never said that it was up
        if result != 'success' or self.kind != 'oneshot':
            _journal.note(self.name, f'{self.name}: Main process exited, {explained(status)}')
        if self.result == 'success':
            self.result = result
        if self.sub == 'start' and self.kind == 'oneshot' and result == 'success':
            self._next()
        elif self.state in ('activating', 'active', 'reloading'):
            self._terminate()
        else:
            self.check_gone()

    def _control_exited(self, status: int) -> None:
        self.control_pid = 0
        result = self._judge(status)
        if result == 'success' or (self._running and self._running.may_fail):
            if self.sub in ('stop-sigterm', 'stop-sigkill'):
                self.check_gone()
            else:
                self._next()
            return
        _journal.note(self.name, f'{self.name}: Control process exited, {explained(status)}')
        if self.sub == 'reload':
            self._up()
            return
        if self.result == 'success':
            self.result = result
        if self.sub == 'stop-post':
            self._end()
        elif self.sub in ('stop-sigterm', 'stop-sigkill'):
            self.check_gone()
        else:
            self._terminate()

    def _judge(self, status: int) -> str:
        """Return the result that a wait status means for this unit."""
        clean = self.unit.words('Service', 'SuccessExitStatus')
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            name = signal.Signals(number).name
            if (number in CLEAN_SIGNALS and self.kind != 'oneshot') or name in clean or name[3:] in clean:
                return 'success'
            return 'core-dump' if os.WCOREDUMP(status) else 'signal'
        code = os.WEXITSTATUS(status)
        return 'success' if code == 0 or str(code) in clean else 'exit-code'

    # going down

    def _terminate(self) -> None:
        """Signal what is left of the unit, and wait for it to go."""
        self.sub = 'stop-sigterm'
        self._queue = []
        self._arm(self.unit.seconds('Service', 'TimeoutStopSec', self.unit.seconds('Service', 'TimeoutSec', 90.0)))
        wanted = self.unit.last('Service', 'KillSignal', 'SIGTERM')
        number = (
            int(wanted) if wanted.isdigit() else signal.Signals[wanted if wanted.startswith('SIG') else f'SIG{wanted}']
        )
        _process.send(self._victims(), number)
        self.check_gone()

    def _victims(self) -> set[int]:
        """Return whom to signal: with KillMode=process the main process only, with none nobody."""
        mode = self.unit.last('Service', 'KillMode', 'control-group')
        own = {self.main_pid, self.control_pid} - {0}
        return set() if mode == 'none' else own if mode == 'process' else self.members()

    def check_gone(self) -> None:
        """Go on when nothing of a stopping unit is left."""
        reaped = not self.main_pid and not self.control_pid
        if self.sub in ('stop-sigterm', 'stop-sigkill') and reaped and not self._victims():
            self._enter('stop-post', 'ExecStopPost')

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = INFINITY
        if self.sub == 'auto-restart':
            self.sub = 'dead'
            self.restarts += 1
            _journal.note(self.name, f'{self.name}: Scheduled restart job, restart counter is at {self.restarts}.')
            self.start()
            return
        self.result = 'timeout'
        if self.sub in ('stop-sigterm', 'stop'):
            _journal.note(self.name, f"{self.name}: State 'stop-sigterm' timed out. Killing.")
            self.sub = 'stop-sigkill'
            self._arm(90.0)
            _process.send(self.members(), signal.SIGKILL)
        elif self.sub == 'stop-sigkill':
            self._end()
        else:
            _journal.note(self.name, f'{self.name}: {self.sub} operation timed out. Terminating.')
            self._terminate()

    def _end(self) -> None:
        """The unit is down: for good, or until it is due again."""
        self.main_pid = self.control_pid = 0
        self._close_notifications()
        if self.listeners is not None:
            self.listeners.close()
            self.listeners = None
        if self.result != 'success':
            _journal.note(self.name, f"{self.name}: Failed with result '{self.result}'.")
        else:
            _journal.note(self.name, f'{self.name}: Deactivated successfully.')
        if self._comes_back():
            self._to('auto-restart')
            self._arm(self.unit.seconds('Service', 'RestartSec', 0.1) or 0.001)
            self._settled(self)
        else:
            self._die(self.result)

    def _comes_back(self) -> bool:
        if self.asked_to_stop or not self.is_program:
            return False
        pid, status = self.exec_main
        prevent = self.unit.words('Service', 'RestartPreventExitStatus')
        if pid and os.WIFEXITED(status) and str(os.WEXITSTATUS(status)) in prevent:
            return False
        rule = self.unit.last('Service', 'Restart', 'no')
        if rule in NOT_RESTARTED:
            return self.result not in NOT_RESTARTED[rule]
        return self.result in RESTARTED.get(rule, ())

    def _die(self, result: str) -> None:
        self.result = result
        if result == 'start-limit-hit':
            _journal.note(self.name, f"{self.name}: Failed with result 'start-limit-hit'.")
        self._to('dead' if result == 'success' else 'failed')

    def _close_notifications(self) -> None:
        if self._notifications is not None:
            self._notifications.finish()
            self._notifications = None


def explained(status: int) -> str:
    """Return a wait status as systemd writes it: `code=exited, status=1/FAILURE`."""
    if os.WIFSIGNALED(status):
        code = 'dumped' if os.WCOREDUMP(status) else 'killed'
        return f'code={code}, status={os.WTERMSIG(status)}/{signal.Signals(os.WTERMSIG(status)).name[3:]}'
    number = os.WEXITSTATUS(status)
    names = {
        0: 'SUCCESS',
        1: 'FAILURE',
        2: 'INVALIDARGUMENT',
        126: 'n/a',
        200: 'CHDIR',
        203: 'EXEC',
        216: 'GROUP',
        217: 'USER',
    }
    return f'code=exited, status={number}/{names.get(number, "n/a")}'
