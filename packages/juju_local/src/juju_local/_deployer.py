"""Puts what a unit needs into its machine: charm, hook tools, resources. Every step may be cut off and redone.

`root` is the machine's root directory as seen from here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

MARK = '.juju-charm'  # in the charm's folder, as in Juju: the URL of the charm that is there


def agent_folder(unit: str) -> Path:
    return Path('/var/lib/juju/agents') / f'unit-{unit.replace("/", "-")}'


def tools_folder(unit: str) -> Path:
    return Path('/var/lib/juju/tools') / f'unit-{unit.replace("/", "-")}'


def charm_folder(unit: str) -> Path:
    return agent_folder(unit) / 'charm'


def install_charm(root: Path, unit: str, charm: Path, url: str) -> None:
    """Put a charm in place: files of the one before that it lacks go, what hooks wrote stays (Juju's manifests)."""
    target = _inside(root, charm_folder(unit))
    if _read(target / MARK) == url:
        return
    manifests = _inside(root, agent_folder(unit)) / 'state/deployer/manifests'
    manifests.mkdir(parents=True, exist_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    files = sorted(_files(charm))
    # the old manifests stay until the new charm is complete: cut off here, the next try still knows what to remove
    stale = {line for path in manifests.iterdir() for line in path.read_text().splitlines()} - set(files)
    for name in sorted(stale, reverse=True):
        _remove(target / name)
    for name in files:
        _place(charm / name, target / name)
    for path in manifests.iterdir():
        path.unlink()
    (manifests / url.replace('/', '_').replace(':', '_')).write_text('\n'.join(files) + '\n')
    _write(target / MARK, url)


def install_tools(root: Path, unit: str, names: Sequence[str], tool: str) -> None:
    """Link the hook tools, each to the one program that is all of them."""
    folder = _inside(root, tools_folder(unit))
    folder.mkdir(parents=True, exist_ok=True)
    present = {path.name for path in folder.iterdir()}
    for name in names:
        if name not in present:
            (folder / name).symlink_to(tool)


def install_resources(root: Path, unit: str, resources: Mapping[str, tuple[Path, str, int]]) -> None:
    """Put resources (name -> source, file name, revision) where resource-get says; only newer ones are copied."""
    folder = _inside(root, agent_folder(unit)) / 'resources'
    marks = _inside(root, agent_folder(unit)) / 'state/resources'
    for name, (source, filename, revision) in resources.items():
        if _read(marks / name) == str(revision):
            continue
        marks.mkdir(parents=True, exist_ok=True)
        (folder / name).mkdir(parents=True, exist_ok=True)
        temporary = folder / name / f'.{filename.rpartition("/")[2]}.new'
        shutil.copyfile(source, temporary)
        (folder / name / filename).parent.mkdir(parents=True, exist_ok=True)
        temporary.rename(folder / name / filename)
        _write(marks / name, str(revision))


def remove_unit(root: Path, unit: str) -> None:
    for folder in (agent_folder(unit), tools_folder(unit)):
        shutil.rmtree(_inside(root, folder), ignore_errors=True)


def program(root: Path, unit: str, kind: str, name: str) -> str:
    """Return the path in the machine of what runs a hook or action: dispatch if there is one; '' if nothing does."""
    folder = charm_folder(unit)
    for path in (folder / 'dispatch', folder / f'{kind}s' / name):
        if _inside(root, path).exists():
            return str(path)
    return ''


def _inside(root: Path, path: Path) -> Path:
    return root / path.relative_to('/')


def _files(folder: Path) -> list[str]:
    """Return the names of all files and links below a folder, and of its empty folders."""
    names = []
    for where, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(where) / name).is_symlink()]
        empty = [Path(where)] if not files and not folders else []
        names += [str((Path(where) / name).relative_to(folder)) for name in [*files, *links]]
        names += [str(path.relative_to(folder)) for path in empty]
    return [name for name in names if name != '.']


def _place(source: Path, target: Path) -> None:
    if target.is_symlink() or (target.is_file() and not source.is_dir()):
        target.unlink()
    elif target.is_dir() and (source.is_symlink() or not source.is_dir()):
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir(exist_ok=True)
    else:
        shutil.copy2(source, target)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    with contextlib.suppress(OSError):
        path.rmdir()  # a folder that is empty
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ''


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f'{path.name}.new')
    temporary.write_text(text)
    temporary.replace(path)
