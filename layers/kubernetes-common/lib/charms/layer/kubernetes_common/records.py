"""What the charm has really done to its machine, remembered at once and durably.

Flags and the charm's own store are kept only when a hook succeeds; the machine keeps what was done to it either way.
So what was *applied* is recorded here, in small JSON files. No secrets.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import files

ROOT = Path('/var/lib/canonical-kubernetes')


def get(name: str) -> object:
    """Return a record; None if there is none or it cannot be read."""
    try:
        return json.loads(files.read(ROOT / f'{name}.json') or 'null')
    except ValueError:
        return None


def put(name: str, value: object) -> None:
    files.write(ROOT / f'{name}.json', json.dumps(value, sort_keys=True, indent=1) + '\n', mode=0o600)


def drop(name: str) -> None:
    files.remove(ROOT / f'{name}.json')
