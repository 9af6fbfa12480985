"""What is seen while hooks run: a calm live view on a terminal, else a line now and then; --verbose: a line a hook."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from juju_local._events import (
    Event,
    Following,
    MachineFailed,
    MachineStarted,
    MachineStarting,
    Retrying,
    RunEnded,
    RunStarted,
    Stopping,
    Waiting,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

EVERY_S = 10.0  # between two lines where there is no terminal


class Progress:
    """Counts what the engine tells; shows it as the session wants to see it."""

    def __init__(self, quiet: bool, verbose: bool, units: Mapping[str, bool] | None = None) -> None:
        """`units` are those there are, and whether their start hook has run."""
        self.units = dict(units or {})
        self.quiet, self.verbose = quiet, verbose
        self.began = time.monotonic()
        self.spoke = self.began
        self.hooks = 0
        self.still = ''  # what an engine with nothing to run waits for
        self.told: set[object] = set()
        self.failed = 0
        self.running: dict[str, tuple[str, float]] = {}  # unit (or machine) -> what it does, since when
        self.live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[Progress]:
        """Show the live view for the time of the block, if stderr is a terminal that wants it."""
        if self.quiet or self.verbose or not sys.stderr.isatty():
            yield self
            return
        from rich.console import Console
        from rich.live import Live

        with Live(
            get_renderable=self._view, console=Console(stderr=True), transient=True, refresh_per_second=4
        ) as live:
            self.live = live
            try:
                yield self
            finally:
                self.live = None

    def __call__(self, event: Event) -> None:
        """Take note of what the engine tells."""
        if isinstance(event, RunStarted):
            self._begin(event.unit, event.name or event.kind)
        elif isinstance(event, RunEnded):
            self.hooks += event.kind == 'hook'
            self._count(event)
            self._end(event.unit, event.name or event.kind, event.seconds, event.reason)
        elif isinstance(event, MachineStarting):
            self._begin(f'machine {event.machine}', 'starts')
        elif isinstance(event, MachineStarted):
            self._end(f'machine {event.machine}', 'started', event.seconds)
        elif isinstance(event, MachineFailed):
            self._end(f'machine {event.machine}', 'start', 0.0, event.reason)
        else:
            self._still(event)
        if self.live is None and not self.verbose and time.monotonic() - self.spoke >= EVERY_S:
            self._say('; '.join(filter(None, [self._summary(), self._doing()])))

    def _count(self, event: RunEnded) -> None:
        self.units.setdefault(event.unit, False)
        if event.name == 'start' and not event.reason:
            self.units[event.unit] = True
        elif event.name == 'remove':
            del self.units[event.unit]

    def _begin(self, who: str, what: str) -> None:
        self.still = ''
        self.running[who] = (what, time.monotonic())

    def _end(self, who: str, what: str, seconds: float, reason: str = '') -> None:
        self.running.pop(who, None)
        self.failed += bool(reason)
        if reason and ((who, what, reason) not in self.told or self.verbose):  # a retry that fails alike is no news
            self.told.add((who, what, reason))
            self._say(f'{who}: {what} failed: {reason}')
        elif self.verbose:
            self._say(f'{who}: {what} ({seconds:.1f}s)')

    def _still(self, event: Event) -> None:
        """Tell what an engine with nothing to run waits for, once."""
        self.still = _waiting(event)
        what = (type(event), getattr(event, 'units', ()))  # the seconds alone are no news
        if self.still and what not in self.told and self.live is None:
            self._say(self.still)
        self.told.add(what)

    def _doing(self) -> str:
        return ', '.join(f'{who} {what}' for who, (what, _) in sorted(self.running.items())) or self.still

    def _say(self, text: str) -> None:
        self.spoke = time.monotonic()
        if self.quiet:
            return
        if self.live is not None:
            self.live.console.print(text, markup=False, highlight=False)
            return
        with contextlib.suppress(BrokenPipeError):
            print(text, file=sys.stderr, flush=True)  # noqa: T201

    def _summary(self) -> str:
        took = elapsed(time.monotonic() - self.began)
        return f'{took}  {sum(self.units.values())} of {len(self.units)} units started, {self.hooks} hooks run'

    def _view(self) -> RenderableType:
        from rich.spinner import Spinner
        from rich.table import Table

        grid = Table.grid(padding=(0, 2))
        now = time.monotonic()
        for who, (what, since) in sorted(self.running.items()):
            grid.add_row(f'  {who}', what, elapsed(now - since))
        view = Table.grid()
        spinner = self.__dict__.setdefault('_spinner', Spinner('dots'))
        spinner.text = self._summary() + (f', {self.failed} failed' if self.failed else '')
        view.add_row(spinner)
        view.add_row(grid if self.running else f'  {self.still}')
        return view


def _waiting(event: Event) -> str:
    if isinstance(event, Retrying):
        return f'failed hooks run again in {elapsed(event.in_seconds)}: {", ".join(event.units)}'
    if isinstance(event, Waiting):
        return f'update-status runs in {elapsed(event.in_seconds)}, these still wait: {", ".join(event.units)}'
    if isinstance(event, Following):
        return 'another juju-local is at work on this model: following it'
    if isinstance(event, Stopping):
        units = ', '.join(event.units) or 'nothing'
        return f'stopping when what runs has ended ({units}); interrupt again to kill it'
    return ''


def elapsed(seconds: float) -> str:
    """Return `7s`, `1m05s`, `1h02m`."""
    whole = round(seconds)
    if whole < 60:
        return f'{whole}s'
    minutes, rest = divmod(whole, 60)
    return f'{minutes}m{rest:02}s' if minutes < 60 else f'{minutes // 60}h{minutes % 60:02}m'
