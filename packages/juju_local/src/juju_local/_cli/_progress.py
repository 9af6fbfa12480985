"""What is seen while hooks run: a calm live view on a terminal, else a line now and then; --verbose: a line a hook."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

EVERY_S = 10.0  # between two lines where there is no terminal


class Progress:
    """Counts what the engine tells; shows it as the session wants to see it."""

    def __init__(self, quiet: bool, verbose: bool) -> None:
        self.quiet, self.verbose = quiet, verbose
        self.began = time.monotonic()
        self.spoke = self.began
        self.done = 0
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

    def begin(self, who: str, what: str) -> None:
        self.running[who] = (what, time.monotonic())
        self._now_and_then()

    def end(self, who: str, what: str, reason: str = '') -> None:
        """Note that something ended; `reason` tells why it failed."""
        started = self.running.pop(who, (what, time.monotonic()))[1]
        self.done += 1
        self.failed += bool(reason)
        if reason:
            self._say(f'{who}: {what} failed: {reason}')
        elif self.verbose:
            self._say(f'{who}: {what} ({time.monotonic() - started:.1f}s)')
        self._now_and_then()

    def _now_and_then(self) -> None:
        if self.live is None and not self.verbose and time.monotonic() - self.spoke >= EVERY_S:
            self._say(
                f'{self._summary()}; {", ".join(f"{who} {what}" for who, (what, _) in sorted(self.running.items()))}'
            )

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
        return f'{elapsed(time.monotonic() - self.began)}  {self.done} hooks run'

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
        view.add_row(grid)
        return view


def elapsed(seconds: float) -> str:
    """Return `7s`, `1m05s`, `1h02m`."""
    whole = round(seconds)
    if whole < 60:
        return f'{whole}s'
    minutes, rest = divmod(whole, 60)
    return f'{minutes}m{rest:02}s' if minutes < 60 else f'{minutes // 60}h{minutes % 60:02}m'
