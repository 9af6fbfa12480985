"""Control groups of machines. The one door to them.

A model has a group `juju-local.PATH` in each hierarchy that this machine has mounted, and in it one for each machine;
PATH is the model's folder, quoted, so that groups whose model is gone can be told from others. A machine's PID 1 is put
into its groups before it gets a cgroup namespace, whose root they then are; the hierarchies are mounted anew inside.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from juju_local._errors import JujuLocalError

ROOT = '/sys/fs/cgroup'
PREFIX = 'juju-local.'
NAME_MAX = 255  # of a file
NOT_OPTIONS = frozenset(('ro', 'rw'))  # of a mount: the rest tell which hierarchy it is
INNER = 'init'  # version 2: a group that hands out controllers may hold no processes
REMOVAL_S = 5.0  # the kernel lets go of a group a moment after its last process


class CgroupError(JujuLocalError):
    """Control groups cannot be made here; the message says what is in the way."""


@dataclass(frozen=True)
class Hierarchy:
    """A hierarchy as this machine has it mounted."""

    place: str  # /sys/fs/cgroup/memory; /sys/fs/cgroup itself where there is only version 2
    kind: str  # cgroup (version 1) or cgroup2
    options: str  # what mounts the same hierarchy again


def hierarchies(mountinfo: str) -> list[Hierarchy]:
    """Return the hierarchies under /sys/fs/cgroup in a text of /proc/PID/mountinfo."""
    found = []
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(' - ')
        place, (kind, _, options) = mount.split()[4], source.split(maxsplit=2)
        if kind in ('cgroup', 'cgroup2') and (place == ROOT or place.startswith(f'{ROOT}/')):
            found.append(Hierarchy(place, kind, _remount(kind, options)))
    return found


def _remount(kind: str, options: str) -> str:
    kept = [option for option in options.split(',') if option not in NOT_OPTIONS] if kind == 'cgroup' else []
    named = any(option.startswith('name=') for option in kept)
    return ','.join(['none', *kept] if named else kept)


def model_group(directory: Path) -> str:
    """Return the name of a model's group."""
    name = PREFIX + quote(str(directory), safe='')
    return name if len(name) <= NAME_MAX else PREFIX + hashlib.sha256(name.encode()).hexdigest()


def present() -> list[Hierarchy]:
    """Return the hierarchies of this machine.

    Raises:
        CgroupError: there are none, or they cannot be written.
    """
    found = hierarchies(Path('/proc/self/mountinfo').read_text())
    if not found:
        raise CgroupError(
            f'no control groups under {ROOT}: mount them (in a container: start it with --privileged --cgroupns=host)'
        )
    for each in found:
        if os.statvfs(each.place).f_flag & os.ST_RDONLY:
            raise CgroupError(f'{each.place} is read-only: start the container with --privileged, or run outside of it')
    return found


def make(model: str, machine: str) -> dict[str, object]:
    """Make a machine's groups; return what `_boot` needs of them: which to join, which to mount.

    Raises:
        CgroupError: they cannot be made.
    """
    found = present()
    try:
        for each in found:
            _make(Path(each.place), model, machine, each.kind)
    except OSError as error:
        raise CgroupError(f'cannot make control group {error.filename}: {error.strerror}') from error
    groups = [(each, f'{each.place}/{model}/{machine}') for each in found]
    return {
        'join': [f'{group}/cgroup.procs' for _, group in groups],
        'inner': [f'{group}/{INNER}/cgroup.procs' for each, group in groups if each.place == ROOT],
        'mounts': [(each.place, each.kind, each.options) for each in found],
    }


def _make(place: Path, model: str, machine: str, kind: str) -> None:
    for group in (place / model, place / model / machine):
        if kind == 'cgroup2':
            _hand_out(group.parent)
        with contextlib.suppress(FileExistsError):
            group.mkdir()
        if kind == 'cgroup' and (place / 'cpuset.cpus').exists():
            for name in ('cpuset.cpus', 'cpuset.mems'):  # a new group has none, and takes no process then
                (group / name).write_text((place / name).read_text())
            (group / 'cgroup.clone_children').write_text('1')
    if kind == 'cgroup2' and str(place) == ROOT:
        (place / model / machine / INNER).mkdir(exist_ok=True)


def _hand_out(group: Path) -> None:
    """Let the groups below have all controllers that this one has."""
    for controller in (group / 'cgroup.controllers').read_text().split():
        (group / 'cgroup.subtree_control').write_text(f'+{controller}')


def remove(model: str, machine: str = '') -> None:
    """End what is left in a machine's groups, or in all of a model, and remove them; fine if there are none.

    Raises:
        CgroupError: the kernel keeps one.
    """
    tops = [Path(each.place) / model / machine for each in hierarchies(Path('/proc/self/mountinfo').read_text())]
    end = time.monotonic() + REMOVAL_S
    while left := [top for top in tops if top.exists()]:
        for top in left:
            _remove(top)
        if time.monotonic() > end:
            raise CgroupError(f'control group {left[0]} does not go: processes {sorted(_processes(left[0]))[:5]}')
        if any(top.exists() for top in left):
            time.sleep(0.02)


def _remove(top: Path) -> None:
    for pid in _processes(top):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for group in _groups(top):
        with contextlib.suppress(OSError):  # still busy, or gone: its owner was faster
            group.rmdir()


def _groups(top: Path) -> list[Path]:
    """Return a group and all below it, the lowest first."""
    return [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]


def _processes(top: Path) -> set[int]:
    found: set[int] = set()
    for group in _groups(top):
        with contextlib.suppress(OSError):
            found |= {int(pid) for pid in (group / 'cgroup.procs').read_text().split()}
    return found - {0, os.getpid()}


def orphans(names: Iterable[str]) -> list[str]:
    """Return those of the groups whose model's folder is gone."""
    mine = [name for name in names if name.startswith(f'{PREFIX}%2F')]
    return [name for name in mine if _is_gone(Path(unquote(name.removeprefix(PREFIX))))]


def _is_gone(folder: Path) -> bool:
    """Whether a folder is not there; one that this user may not look at may well be."""
    try:
        folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except PermissionError:
        pass
    return False


def sweep() -> None:
    """End and remove what belongs to models whose folder was deleted without destroy-model."""
    found = hierarchies(Path('/proc/self/mountinfo').read_text())
    names = {name for each in found for name in os.listdir(each.place)}  # noqa: PTH208
    for name in orphans(sorted(names)):
        remove(name)
