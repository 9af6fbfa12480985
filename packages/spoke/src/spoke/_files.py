"""The door to the folder of the hub's kubeconfig: files 0600 in a folder 0700, whole or old at any moment."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

_TEMPORARY = '.spoke-'


def write(folder: Path, name: str, content: bytes) -> bool:
    """Write a file if its content differs; returns whether it did. Raises OSError."""
    path = folder / name
    if read(path) == content:
        return False
    descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=folder)  # 0600 from the first byte
    try:
        with os.fdopen(descriptor, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    return True


def mirror(folder: Path, data: Mapping[str, bytes]) -> list[str]:
    """Write one file a key; returns those that changed. What has no key stays. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob(f'{_TEMPORARY}*'):  # of a process that was killed half way
        left.unlink(missing_ok=True)
    # The kubeconfig last: with it there is something to begin with.
    names = sorted((name for name in data if '/' not in name), key=lambda name: (name == 'kubeconfig', name))
    return [name for name in names if write(folder, name, data[name])]


def read(path: Path) -> bytes | None:
    """Return a file's content; None where there is none that can be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None
