"""Runs the console blocks of a page and compares what they print with what the page says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

BLOCK = re.compile(r'^```console\n(.*?)^```$', re.MULTILINE | re.DOTALL)
# what differs from run to run, and so stands for any of its kind
VARIES = (
    (re.compile(r'\b\d{4}-\d\d-\d\d\b'), 'DATE'),
    (re.compile(r'\b\d\d:\d\d:\d\dZ?'), 'TIME'),
    (re.compile(r'\bjuju-[0-9a-f]{6}-'), 'juju-MODEL-'),
    (re.compile(r'(?<![\w.])\d+[dhms](\d+[hms])?\b'), 'AGE'),
)
# what a verb tells every 15 seconds, which is on a slow machine only
PROGRESS = re.compile(r'\S+  \d+ of \d+ units started, \d+ hooks run')


def check(page: Path, folder: Path, environment: Mapping[str, str], instead: Mapping[str, str] | None = None) -> None:
    """Run all commands of a page in order, each in a shell of its own.

    A line `...` of the page stands for any number of lines, `...` in a line for any text; blanks are not counted.

    Args:
        page: with blocks of kind `console`.
        folder: where they run.
        environment: in which they run.
        instead: what some of them printed that are not run here.
    """
    for line, expected in commands(page.read_text()):
        got = (instead or {}).get(line)
        got = run(line, folder, environment) if got is None else got
        assert is_as_shown(expected, got), f'{page.name}: $ {line}\n-- the page says\n{expected}\n-- it printed\n{got}'


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of the console blocks, with what it is said to print."""
    for block in BLOCK.findall(text):
        for part in re.split(r'^\$ ', block, flags=re.MULTILINE)[1:]:
            line, _, expected = part.partition('\n')
            yield line.partition('  #')[0].rstrip(), expected


def is_as_shown(expected: str, got: str) -> bool:
    pattern = ''.join('(?:.*\n)*?' if line == '...' else _pattern(line) for line in _lines(expected))
    return re.fullmatch(pattern, ''.join(f'{line}\n' for line in _lines(got))) is not None


def run(line: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Return what a command prints, errors too."""
    done = subprocess.run(
        ['/bin/sh', '-c', line],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=280,
    )
    return done.stdout.decode()


def _lines(text: str) -> list[str]:
    for pattern, name in VARIES:
        text = pattern.sub(name, text)
    return [' '.join(line.split()) for line in text.splitlines() if line.strip() and not PROGRESS.match(line)]


def _pattern(line: str) -> str:
    return '.*'.join(map(re.escape, line.split('...'))) + '\n'
