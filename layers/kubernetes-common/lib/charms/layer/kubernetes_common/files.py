"""The door to the file system: whole text files, written atomically."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import tempfile
from pathlib import Path


def write(path: str | Path, text: str, mode: int = 0o600, owner: str = 'root') -> bool:
    """Make the file hold exactly `text`, with this mode and owner; return True if anything changed.

    The new file takes the old one's place in one step, is on disk before that, and never has a wider mode or another
    owner than the final one. Missing directories are made (mode 0755).
    """
    path = Path(path)
    account = pwd.getpwnam(owner)
    if _is_so(path, text.encode(), mode, account.pw_uid):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, 'wb') as stream:
            os.fchown(handle, account.pw_uid, account.pw_gid)
            os.fchmod(handle, mode)
            stream.write(text.encode())
            stream.flush()
            os.fsync(handle)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    _sync_directory(path.parent)
    return True


def read(path: str | Path) -> str:
    """Return the text of a file, '' if there is none."""
    try:
        return Path(path).read_text()
    except FileNotFoundError:
        return ''


def remove(path: str | Path) -> bool:
    """Remove a file durably; return True if there was one."""
    path = Path(path)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    _sync_directory(path.parent)
    return True


def _is_so(path: Path, content: bytes, mode: int, uid: int) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    same = stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) == mode and found.st_uid == uid
    return same and found.st_size == len(content) and path.read_bytes() == content


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
