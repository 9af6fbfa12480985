"""What every program here begins with: command line, --version, --help, log lines, a clean end."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from . import _flags, _version


class Fatal(Exception):
    """The program cannot go on; the text is its last log line."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code  # to exit with; None: that of the program


def log(severity: str, message: str) -> None:
    """Write a log line in klog's form to stderr."""
    now = time.time()
    stamp = time.strftime('%m%d %H:%M:%S', time.localtime(now))
    caller = Path(sys.argv[0]).name
    sys.stderr.write(f'{severity}{stamp}.{int(now % 1 * 1e6):06d} {os.getpid():7d} {caller}] {message}\n')
    sys.stderr.flush()


def run(program: str, summary: str, main: Callable[[dict[str, str], _version.Version], None]) -> NoReturn:
    """Parse the command line and run `main` with every flag's value; never returns.

    The exit code is 0 after TERM or INT, else 1, and 255 of a kubelet, which ends by klog.Fatal whatever is wrong.
    """
    version = _version.parse(_version.text())
    flags = _flags.table(program, version)
    failed = 255 if program == 'kubelet' else 1
    try:
        values = _flags.parse(sys.argv[1:], flags, version)
    except _flags.FlagError as error:
        sys.stderr.write(f'Error: {error}\n\n{_flags.usage(program, summary, flags, version)}\nerror: {error}\n')
        sys.exit(failed)
    if values.get('help'):
        sys.stdout.write(_flags.usage(program, summary, flags, version))
        sys.exit(0)
    if values.get('version', 'false') != 'false':
        sys.stdout.write(f'Kubernetes {_version.text()}\n')
        sys.exit(0)
    serve(lambda: main(values, version), failed)


def serve(main: Callable[[], None], failed: int = 1) -> NoReturn:
    """Run a daemon to its end: TERM and INT end it well, `Fatal` with its own code, else with `failed`."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        main()
    except Fatal as error:
        log('F', str(error))
        os._exit(failed if error.code is None else error.code)
    except KeyboardInterrupt:
        pass
    # Threads that wait for the network must not keep an ended program alive.
    sys.stderr.flush()
    os._exit(0)
