"""The clients under measurement, each in a process and, if it is a public one, a virtual environment of its own."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLOOR, OURS = 'floor', 'ours'
PUBLIC = {
    'aioclustermanager': 'aioclustermanager==0.3.44',
    'lightkube': 'lightkube',
    'kubernetes_asyncio': 'kubernetes_asyncio',
    'kr8s': 'kr8s',
}
LABELS = {'aioclustermanager': '0.3.44'}
WORKER = Path(__file__).parent / 'worker.py'


def cache() -> Path:
    """Return where the virtual environments are kept, outside the tree: the names in them clash with ours."""
    base = os.environ.get('XDG_CACHE_HOME') or str(Path.home() / '.cache')
    return Path(base) / 'canonical-kubernetes' / 'bench'


def python(name: str) -> str:
    """Return the interpreter for a client, after making its environment where it is not there yet."""
    if name in (FLOOR, OURS):
        return sys.executable
    folder = cache() / name
    if not (folder / '.done').exists():
        print(f'installing {PUBLIC[name]} into {folder}', file=sys.stderr)
        subprocess.run([sys.executable, '-m', 'venv', str(folder)], check=True)
        pip = [str(folder / 'bin' / 'pip'), 'install', '--quiet', '--disable-pip-version-check', PUBLIC[name]]
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
        (folder / '.done').touch()
    return str(folder / 'bin' / 'python')


class Worker:
    """A client's process."""

    def __init__(self, name: str, access: Path) -> None:
        self.name = name
        self.command = [python(name), str(WORKER), name, str(access)]
        self._process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._answer()

    def do(self, what: str, **order: Any) -> dict[str, Any]:
        """Return what was measured. `error` in it: the client cannot do that."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({'do': what, **order}) + '\n')
        self._process.stdin.flush()
        return self._answer()

    def cold(self) -> dict[str, Any]:
        """Return the cost of a process that imports the client, gets one object and ends."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([*self.command, 'cold'], check=True, stderr=subprocess.DEVNULL)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        return {'wall': wall, 'cpu': after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f'the worker of {self.name} ended: run {" ".join(self.command)} by hand')
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.contextmanager
def running(names: list[str], access: Path) -> Iterator[list[Worker]]:
    with contextlib.ExitStack() as stack:
        workers = []
        for name in names:
            workers.append(Worker(name, access))
            stack.callback(workers[-1].close)
        yield workers
