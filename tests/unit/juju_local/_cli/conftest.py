"""The command line with a data folder of its own, two charms and a bundle, and no engine: every verb says --no-wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from juju_local import _cli

CHARMS = {
    'alpha/metadata.yaml': """
        name: alpha
        series: [jammy]
        provides: {db: {interface: sql}}
        peers: {ring: {interface: ring}}
        resources: {blob: {type: file, filename: blob.txt, description: A file.}}
        """,
    'alpha/config.yaml': """
        options:
          colour: {type: string, default: red, description: The colour.}
          size: {type: int, description: How big.}
        """,
    'alpha/actions.yaml': """
        paint:
          description: Paint it.
          params: {with: {type: string, default: brush}, coats: {type: integer}}
        """,
    'beta/metadata.yaml': """
        name: beta
        series: [jammy]
        requires: {db: {interface: sql}}
        """,
    'side/metadata.yaml': """
        name: side
        series: [jammy]
        subordinate: true
        requires: {host: {interface: juju-info, scope: container}}
        """,
    'bundle.yaml': """
        name: pair
        applications:
          alpha:
            charm: ./alpha
            num_units: 2
            options: {size: 3}
            expose: true
            resources: {blob: ./blob}
          beta: {charm: ./beta, num_units: 1, constraints: gpus=nvidia}
        relations: [['alpha:db', 'beta:db']]
        """,
    'blob': 'as supplied',
}


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the charms, which is also the current directory."""
    for name, text in CHARMS.items():
        path = tmp_path / 'charms' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path / 'charms')
    monkeypatch.setenv('JUJU_LOCAL_DATA', str(tmp_path / 'data'))
    monkeypatch.delenv('JUJU_LOCAL_REPOSITORY', raising=False)
    monkeypatch.delenv('JUJU_MODEL', raising=False)
    return tmp_path / 'charms'


@pytest.fixture
def juju(place: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def run(*words: str) -> Answer:
        capsys.readouterr()
        code = _cli.run(words)
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return run
