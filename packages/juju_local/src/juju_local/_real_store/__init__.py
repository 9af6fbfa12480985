"""Builds the store of real software: Kubernetes, etcd, docker and what they need, from Debian's packages.

Everything lies in a cache folder of the user; nothing is installed on this machine, and nothing but Debian's archive is
asked. Cut off, it goes on where it was. What comes out is a folder as docs/reference/store.md describes it; `real`
beside it is a link to the newest.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from juju_local import _store
from juju_local._real_store import _certificates, _images, _kubernetes, _snaps, _trees
from juju_local._real_store._debian import Debian
from juju_local._real_store._kubernetes import Kubernetes
from juju_local._real_store._workshop import BuildError, Workshop

__all__ = ['BuildError', 'build', 'is_current']

OWN = Path(__file__).parent
FILES = OWN / 'files'
STAND_INS = _store.find(_store.STAND_INS)
ETCD_PACKAGES = ('etcd-server', 'etcd-client')
PLAIN = ('store.yaml', 'registry-443.yaml', 'registry-5000.yaml')


def build(say: Callable[[str], None], *, keep: bool = False, refresh: bool = False) -> Path:
    """Build the store unless it is there; return its folder.

    Args:
        say: is told how far it is, a line at a time.
        keep: source and build cache of Kubernetes (3.5 GiB), for whoever changes this package.
        refresh: build it anew, from what Debian has now.

    Raises:
        BuildError: something is missing or failed; the next call goes on from there.
    """
    stores = _store.cache()
    target = stores / f'{_store.REAL}-{fingerprint()}'
    stores.mkdir(parents=True, exist_ok=True)
    with (stores / '.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for draft in stores.glob('*.new'):  # of a build that was cut off
            shutil.rmtree(draft)
        if refresh or not (target / 'store.yaml').exists():
            _kubernetes.check_host()
            _make(Workshop(stores / 'work', say), target, keep=keep)
        _point(stores / _store.REAL, target.name)
    return target


def is_current() -> bool:
    """Tell whether the store that is there was made from the files that are here now."""
    link = _store.cache() / _store.REAL
    return link.is_symlink() and link.readlink().name == f'{_store.REAL}-{fingerprint()}'


def fingerprint() -> str:
    """Return what changes when a file does that the store is made from."""
    digest = hashlib.sha256()
    for path in sorted(_inputs()):
        digest.update(f'{path.name}\0'.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _inputs() -> Iterator[Path]:
    """Return this package's files, and those of the stand-ins that go into the store."""
    caches = {'__pycache__', '.mypy_cache'}
    yield from (path for path in OWN.rglob('*') if path.is_file() and not caches & set(path.parts))
    yield STAND_INS / 'packages.json'
    yield from STAND_INS.glob('snaps/*/snap.json')
    yield from (path for path in STAND_INS.glob('trees/**/*') if path.is_file())


def _make(workshop: Workshop, target: Path, *, keep: bool) -> None:
    debian = Debian(workshop)
    workshop.tell("asking Debian's archive")
    names = {*ETCD_PACKAGES, *_kubernetes.PACKAGES, *_trees.PACKAGES, *_images.PACKAGES}
    files = debian.download(sorted(names))
    kubernetes = Kubernetes(workshop, debian, files)
    kubernetes.build()
    draft = target.with_name(f'{target.name}.new')
    shutil.rmtree(draft, ignore_errors=True)
    (draft / _store.BASE).mkdir(parents=True)
    workshop.tell('programs, packages and snaps')
    _programs(debian, kubernetes, files, draft)
    for name in PLAIN:
        shutil.copy(FILES / name, draft / name)
    _trees.write(debian, files, FILES, STAND_INS, draft)
    _snaps.write(workshop, STAND_INS, draft)
    workshop.tell('images')
    pause = workshop.folder / 'pause'
    kubernetes.compile(FILES / 'pause.go', pause)
    _images.write(workshop, debian, files, FILES, pause, draft / 'registry')
    hosts = yaml.safe_load((FILES / 'store.yaml').read_text())['hosts']
    _certificates.write(workshop, hosts, draft / 'certificates')
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    if not keep:
        kubernetes.clean()
    workshop.tell(f'built: {target}')


def _programs(debian: Debian, kubernetes: Kubernetes, files: dict[str, Path], draft: Path) -> None:
    folder = draft / 'bin'
    folder.mkdir()
    for name in _kubernetes.PROGRAMS:
        (folder / name).hardlink_to(kubernetes.bin / name)
    unpacked = debian.workshop.folder / 'programs'
    for name in (*ETCD_PACKAGES, 'docker-registry'):
        debian.unpack(files[name], unpacked)
    for name in ('etcd', 'etcdctl', 'docker-registry'):
        shutil.copy(unpacked / 'usr/bin' / name, folder / name)
    shutil.rmtree(unpacked)


def _point(link: Path, name: str) -> None:
    draft = link.with_name(f'{link.name}.link')
    draft.unlink(missing_ok=True)
    draft.symlink_to(name)
    draft.replace(link)
