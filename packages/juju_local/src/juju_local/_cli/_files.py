"""Files that the user hands over: charms and resources, copied into the model's folder. The only door to them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from juju_local._errors import Refused
from juju_local._state import Resource

LEFT_OUT = ('.git', '.bzr', '.hg', '.svn', '__pycache__', '.tox', '.venv')


def store_charm(source: Path, target: Path) -> None:
    """Copy a charm directory; what an interrupted run left at the target is replaced."""
    part = target.with_name(f'.{target.name}.part')
    for old in (part, target):
        shutil.rmtree(old, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(source, part, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    except (OSError, shutil.Error) as error:
        raise Refused(f'cannot copy charm {source}: {error}', 'mend it, then deploy again') from error
    part.rename(target)


def digest(directory: Path) -> str:
    """Return a hash over names, contents, links and executable bits of a charm directory."""
    total = hashlib.sha256()
    for path in _files(directory):
        total.update(str(path.relative_to(directory)).encode() + b'\0')
        if path.is_symlink():
            total.update(b'link ' + os.fsencode(path.readlink()))
        else:
            total.update(b'x' if os.access(path, os.X_OK) else b'-')
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.iterdir()):
        if path.name in LEFT_OUT:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path


def fingerprint(path: Path) -> tuple[str, int]:
    """Return the sha256 (hex) and the size of a file."""
    total = hashlib.sha256()
    try:
        with path.open('rb') as file:
            while block := file.read(1 << 20):
                total.update(block)
            return total.hexdigest(), file.tell()
    except OSError as error:
        raise Refused(f'cannot read resource {path}: {error.strerror}', 'check the path') from error


def store_resource(folder: Path, app: str, name: str, source: Path, revision: int) -> Resource:
    """Copy a resource into the model's folder, readable for nobody else (it may hold a key)."""
    found, size = fingerprint(source)
    place = Path('resources', app, f'{name}-{revision}', 'file')
    target = folder / place
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name('.part')
    part.unlink(missing_ok=True)
    with (
        source.open('rb') as original,
        os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as copy,
    ):
        shutil.copyfileobj(original, copy)
        copy.flush()
        os.fsync(copy.fileno())
    part.rename(target)
    return Resource(str(place), revision, size, found)
