"""The upper layer of a machine's root: what it hides of this machine, and what it owns, before it is first started."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

PRIVATE = ('/root', '/home')  # of this machine's users: empty in a machine
USERXATTR, XATTR = 'user.overlay.opaque', 'trusted.overlay.opaque'
# Where an unprivileged machine's root must be able to write; elsewhere this machine's files stay as they are.
OWNED = {
    '/etc': 5,
    '/var': 3,
    '/opt': 2,
    '/srv': 1,
    '/mnt': 1,
    '/media': 1,
    '/usr/local': 3,
    '/usr/lib/systemd': 3,
}
OWNED |= dict.fromkeys(('/usr', '/usr/bin', '/usr/sbin', '/usr/lib', '/usr/share'), 1)


def prepare(upper: Path, hide: Iterable[str], *, composed: bool, unprivileged: bool) -> None:
    """Make an upper layer ready, once; cut off, it is done again."""
    done = upper.parent / 'prepared'
    if done.exists():
        return
    if unprivileged:
        _own_skeleton(upper)
    for path in PRIVATE:
        target = upper / path[1:]
        target.mkdir(exist_ok=True, mode=0o700 if path == '/root' else 0o755)
        if not composed:
            os.setxattr(target, XATTR, b'y')
    for hidden in hide:
        _hide(upper, Path(hidden))
    done.touch()


def _mirror(upper: Path, folder: Path) -> Path:
    """Make a folder of this machine in the upper layer, as it is here; what is in it stays visible."""
    if folder == Path('/'):
        return upper
    target = _mirror(upper, folder.parent) / folder.name
    if not target.exists():
        target.mkdir()
        shutil.copystat(folder, target)
        if os.geteuid() == 0:
            os.chown(target, folder.stat().st_uid, folder.stat().st_gid)
    return target


def _hide(upper: Path, path: Path) -> None:
    """Put a whiteout over a file or folder of this machine, however much is in it."""
    path = path.parent.resolve() / path.name
    if not os.path.lexists(path) or str(path).startswith(tuple(f'{private}/' for private in PRIVATE)):
        return
    target = _mirror(upper, path.parent) / path.name
    if target.is_dir() and not target.is_symlink():
        remove_tree(target)
    target.unlink(missing_ok=True)
    os.mknod(target, stat.S_IFCHR, os.makedev(0, 0))


def _own_skeleton(upper: Path) -> None:
    """Make folders that are ours in the upper layer: root of a user namespace may not write into root's own."""
    for top, depth in OWNED.items():
        for folder, folders, files in os.walk(top):
            level = 1 + len(Path(folder).relative_to(top).parts)
            target = upper / folder.lstrip('/')
            target.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.R_OK | os.X_OK):
                os.setxattr(target, USERXATTR, b'y')
            if top == '/etc':
                _copy_files(folder, files, target)
            if level >= depth:
                folders[:] = []
            folders[:] = [name for name in folders if not Path(folder, name).is_symlink()]


def _copy_files(folder: str, files: Sequence[str], target: Path) -> None:
    for name in files:
        with contextlib.suppress(PermissionError, FileNotFoundError):
            shutil.copy(f'{folder}/{name}', target / name, follow_symlinks=False)


def remove_tree(tree: Path) -> None:
    """Delete a tree; overlayfs leaves folders without permissions, which stop an unprivileged user."""

    def retry(_function: object, path: str, _info: object) -> None:
        Path(path).parent.chmod(0o700)
        with contextlib.suppress(FileNotFoundError):
            Path(path).chmod(0o700)
            remove_tree(Path(path)) if Path(path).is_dir() else Path(path).unlink()

    if tree.exists():
        shutil.rmtree(tree, onerror=retry if os.geteuid() else None)
