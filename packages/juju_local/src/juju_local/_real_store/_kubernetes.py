"""Kubernetes, from Debian's source package of it, in a GOPATH, by the source's own make.

Worth knowing:
* The vendored reflect2 1.0.1 reads beyond its memory when built with Go 1.18 or later; kube-apiserver then dies of
  `unexpected fault address` after minutes of load. Debian's package of 1.0.2 is put in its place.
* One make for all programs: it generates the OpenAPI definitions first, and shares one build cache.
* There is no git tree: versions come from the KUBE_GIT variables.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from pathlib import Path

from juju_local._real_store._debian import Debian
from juju_local._real_store._workshop import BuildError, Workshop

VERSION = '1.20.2'
COMMIT = 'faecb196815e248d3ecfb03c680a4507229c2a56'  # upstream's, of v1.20.2
BUILT = '1610544000'  # 13 January 2021, the day of v1.20.2: the date that --version shows
RECIPE = '1'  # another one builds anew
PROGRAMS = ('kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl')
GO = '/usr/lib/go-1.19'
REFLECT = 'github.com/modern-go/reflect2'
TOOLS = ('golang-1.19-go', 'golang-1.19-src', 'rsync', 'libpopt0', 'libxxhash0')
REFLECT_PACKAGE = 'golang-github-modern-go-reflect2-dev'
PACKAGES = (*TOOLS, REFLECT_PACKAGE)
MACHINE = 'x86_64'
HOST_PROGRAMS = {'make': 'make', 'dpkg-source': 'dpkg-dev', 'dpkg-deb': 'dpkg', 'openssl': 'openssl'}


def check_host() -> None:
    """Raise BuildError unless this machine has what the build does not bring along."""
    if platform.machine() != MACHINE:
        raise BuildError(f'the store is built on {MACHINE} only, and this machine is {platform.machine()}')
    lacking = sorted({package for program, package in HOST_PROGRAMS.items() if not shutil.which(program)})
    if lacking:
        raise BuildError(f'this machine lacks {", ".join(lacking)}', f'apt-get install {" ".join(lacking)}')


class Kubernetes:
    """What is built from one source with one compiler; `folder/bin` has the programs once `build` has returned."""

    def __init__(self, workshop: Workshop, debian: Debian, packages: dict[str, Path]) -> None:
        self.workshop, self.debian, self.packages = workshop, debian, packages
        self.source = debian.source('kubernetes')
        key = hashlib.sha256(self.source.read_bytes())
        key.update(''.join([VERSION, RECIPE, *(packages[name].name for name in PACKAGES)]).encode())
        self.folder = workshop.folder / f'kubernetes-{key.hexdigest()[:12]}'
        self.gopath = self.folder / 'gopath'
        self.tree = self.gopath / 'src/k8s.io/kubernetes'
        self.tools = self.folder / 'tools'

    @property
    def bin(self) -> Path:
        return self.folder / 'bin'

    def build(self) -> None:
        """Build the programs that are not there yet."""
        todo = [name for name in PROGRAMS if not (self.bin / name).exists()]
        if not todo:
            return
        self._unpack()
        self.workshop.tell(f'compiling {", ".join(todo)} ({VERSION}): about ten minutes on two cores')
        what = ' '.join(f'cmd/{name}' for name in todo)
        self.workshop.run(
            'make',
            ['nice', 'make', f'WHAT={what}', 'GOLDFLAGS=-s -w'],
            cwd=self.tree,
            env=self.environment(),
            ticks=lambda _: f'still compiling; done: {", ".join(self._done()) or "generators"}',
        )
        self.bin.mkdir(exist_ok=True)
        for name in todo:
            _install(self.tree / '_output/local/go/bin' / name, self.bin / name)

    def compile(self, source: Path, target: Path) -> None:
        """Build a program of one file with the same compiler."""
        if not (self.tools / '.done').exists():
            self._unpack_tools()
        command: list[str | Path] = [
            f'{self.tools}{GO}/bin/go',
            'build',
            '-trimpath',
            '-ldflags=-s -w',
            '-o',
            target,
            source,
        ]
        self.workshop.run(f'compile-{source.stem}', command, env=self.environment())

    def environment(self) -> dict[str, str]:
        library = self.tools / 'usr/lib' / 'x86_64-linux-gnu'
        major, minor, _ = VERSION.split('.')
        (self.folder / 'tmp').mkdir(parents=True, exist_ok=True)
        return {
            'PATH': f'{self.tools}{GO}/bin:{self.tools}/usr/bin:{os.environ.get("PATH", os.defpath)}',
            'LD_LIBRARY_PATH': str(library),
            'GOROOT': f'{self.tools}{GO}',
            'GOPATH': str(self.gopath),
            'GOCACHE': str(self.folder / 'gocache'),
            'GO111MODULE': 'off',
            'GOFLAGS': '',
            'CGO_ENABLED': '0',
            'TMPDIR': str(self.folder / 'tmp'),
            'KUBE_GIT_VERSION': f'v{VERSION}',
            'KUBE_GIT_MAJOR': major,
            'KUBE_GIT_MINOR': minor,
            'KUBE_GIT_COMMIT': COMMIT,
            'KUBE_GIT_TREE_STATE': 'clean',
            'SOURCE_DATE_EPOCH': BUILT,
        }

    def clean(self) -> None:
        """Remove source and build cache: 3.5 GiB that only another build would need."""
        for name in ('gopath', 'gocache', 'tmp'):
            # Go makes folders of its cache read-only
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _done(self) -> list[str]:
        return [name for name in PROGRAMS if (self.tree / '_output/local/go/bin' / name).exists()]

    def _unpack(self) -> None:
        if not (self.tools / '.done').exists():
            self._unpack_tools()
        done = self.folder / 'unpacked'
        if done.exists():
            return
        self.workshop.tell('unpacking the source of Kubernetes')
        shutil.rmtree(self.tree, ignore_errors=True)
        self.tree.parent.mkdir(parents=True, exist_ok=True)
        # --no-check leaves out signatures, which apt has checked; sums are checked all the same
        self.workshop.run('dpkg-source', ['dpkg-source', '--no-check', '-x', self.source, self.tree])
        self._mend_reflect()
        done.touch()

    def _unpack_tools(self) -> None:
        self.workshop.tell('unpacking the compiler')
        for name in TOOLS:
            self.debian.unpack(self.packages[name], self.tools)
        (self.tools / '.done').touch()

    def _mend_reflect(self) -> None:
        unpacked = self.folder / 'reflect2'
        self.debian.unpack(self.packages[REFLECT_PACKAGE], unpacked)
        vendored = self.tree / 'vendor' / REFLECT
        for path in [*vendored.glob('*.go'), *vendored.glob('*.s')]:
            path.unlink()
        for path in (unpacked / 'usr/share/gocode/src' / REFLECT).iterdir():
            if path.suffix in ('.go', '.s'):
                shutil.copyfile(path, vendored / path.name)
        if not (vendored / 'go_above_118.go').exists():
            raise BuildError(f'{REFLECT_PACKAGE} has no go_above_118.go: programs built with it would fault')


def _install(source: Path, target: Path) -> None:
    temporary = target.with_name(f'{target.name}.new')
    shutil.copyfile(source, temporary)
    temporary.chmod(0o755)
    temporary.replace(target)
