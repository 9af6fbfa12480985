"""Examples that need no cluster run as they stand on their pages, and no verb is missing from the reference."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from juju_local._cli._verb import MODULES
from juju_local._machine import Machines

from tests.model import console

ROOT = Path(__file__).parents[2]
PAGE = ROOT / 'docs/reference/juju-local.md'


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
    console.check(PAGE, *example)


def test_a_charm_of_ones_own_is_deployed_changed_broken_and_mended(example: tuple[Path, dict[str, str]]) -> None:
    console.check(ROOT / 'docs/howto/run-your-own-charm.md', *example)


def test_the_page_names_every_verb_in_every_spelling() -> None:
    text = PAGE.read_text()
    missing = [verb for verb in ('help', *MODULES) if f'`{verb}`' not in text]
    assert missing == []
