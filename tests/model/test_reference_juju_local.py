"""The examples of docs/reference/juju-local.md run as they stand there, and no verb is missing from it."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from juju_local._cli._verb import cli
from juju_local._machine import Machines

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / 'docs/reference/juju-local.md').read_text()
BLOCKS = re.findall(r'^```console\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def example(tmp_path: Path, bare_store: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A copy of the example charms, and the environment in which the examples run."""
    shutil.copytree(ROOT / 'docs/examples', tmp_path / 'examples')
    (tmp_path / 'bin').mkdir()
    program = f'#!{sys.executable}\nfrom juju_local._cli import main\nmain()\n'
    (tmp_path / 'bin/juju-local').write_text(program)
    (tmp_path / 'bin/juju-local').chmod(0o755)
    own = {'JUJU_LOCAL_DATA': str(tmp_path / 'data'), 'JUJU_LOCAL_STORE': str(bare_store), 'TZ': 'UTC'}
    yield tmp_path / 'examples', {**os.environ, 'PATH': f'{tmp_path}/bin:{os.environ["PATH"]}', **own}
    if (tmp_path / 'data/default').exists():
        Machines(tmp_path / 'data/default', bare_store).destroy()


def test_every_example_answers_what_the_page_says(example: tuple[Path, dict[str, str]]) -> None:
    folder, environment = example
    checker = doctest.OutputChecker()
    for line, expected in _commands():
        done = subprocess.run(
            ['/bin/sh', '-c', line],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        got = done.stdout.decode()
        example_ = doctest.Example(line, expected)
        assert checker.check_output(expected, got, FLAGS), checker.output_difference(example_, got, FLAGS)


def _commands() -> Iterator[tuple[str, str]]:
    for block in BLOCKS:
        for part in re.split(r'^\$ ', block, flags=re.MULTILINE)[1:]:
            line, _, expected = part.partition('\n')
            yield line, expected


def test_the_page_names_every_verb_in_every_spelling() -> None:
    missing = [verb for verb in cli.commands if f'`{verb}`' not in PAGE]
    assert missing == []
