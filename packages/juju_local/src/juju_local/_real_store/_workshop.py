"""The door to programs and progress while the store is built."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from juju_local._errors import JujuLocalError

TICK_S = 30


class BuildError(JujuLocalError):
    """The store cannot be built; what was done so far is kept for the next try."""


class Workshop:
    """Runs programs, with their output in a log each, and tells how far the build is."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._say = say
        self._began = time.monotonic()
        (folder / 'log').mkdir(parents=True, exist_ok=True)

    def tell(self, text: str) -> None:
        self._say(f'[{time.monotonic() - self._began:4.0f} s] {text}')

    def run(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        ticks: Callable[[Path], str] | None = None,
    ) -> str:
        """Run a program to its end; return what it printed.

        Args:
            name: of the log, in `log/`.
            command: the program and its arguments.
            cwd: the folder to run it in.
            env: variables on top of this process's.
            ticks: called with the log every half minute; what it returns is told.

        Raises:
            BuildError: it ended badly; the last lines of its log are in the message.
        """
        log = self.folder / 'log' / f'{name}.log'
        words = [str(word) for word in command]
        with log.open('wb') as stream, self._ticking(log, ticks):
            try:
                code = subprocess.call(words, stdout=stream, stderr=stream, cwd=cwd, env={**os.environ, **(env or {})})
            except OSError as error:
                raise BuildError(f'{name}: cannot run {words[0]}: {error.strerror}') from error
        text = log.read_text(errors='replace')
        if code:
            last = '\n'.join(text.splitlines()[-8:])
            raise BuildError(f'{name}: {" ".join(words[:3])} ended with {code}:\n{last}', f'the whole log is {log}')
        return text

    @contextlib.contextmanager
    def _ticking(self, log: Path, ticks: Callable[[Path], str] | None) -> Iterator[None]:
        done = threading.Event()

        def tick() -> None:
            while ticks is not None and not done.wait(TICK_S):
                self.tell(ticks(log))

        teller = threading.Thread(target=tick, daemon=True)
        teller.start()
        try:
            yield
        finally:
            done.set()
            teller.join()
