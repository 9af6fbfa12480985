"""The images that machines pull: made from Debian's packages, served under the names that charms and people ask for.

What is not Debian's is ours: `pause`, and the ingress controller, which reads Ingresses and has nginx serve them.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juju_local._real_store import _certificates, _elf
from juju_local._real_store._debian import Debian
from juju_local._real_store._registry import Layer, Registry
from juju_local._real_store._workshop import BuildError, Workshop

SYSTEM = ('busybox-static',)  # an image without a shell is hard to look into
LIBRARIES = ('libc6', 'libcrypt1', 'libpcre2-8-0', 'libssl3', 'zlib1g')
PYTHON = ('libexpat1', 'libpython3.11-minimal', 'libpython3.11-stdlib', 'python3.11-minimal')
PACKAGES = ('docker-registry', 'nginx', 'nginx-common', *SYSTEM, *LIBRARIES, *PYTHON)
LIBRARY_FOLDERS = ('usr/lib/x86_64-linux-gnu', 'usr/lib')
LEFT_OUT = (
    'usr/share/doc', 'usr/share/man', 'usr/share/lintian', 'usr/share/locale', 'etc/init.d', 'etc/default', 'etc/ufw',
    'usr/lib/systemd', 'usr/lib/x86_64-linux-gnu/gconv', 'etc/logrotate.d', 'usr/share/vim', 'etc/docker',
    'usr/share/applications', 'usr/share/pixmaps',
)  # fmt: skip
FOLDERS = ('tmp', 'run', 'root', 'var/tmp', 'var/log/nginx', 'var/lib/nginx', 'var/www/html')
USERS = {'root': 0, 'www-data': 33, 'nginx-ingress': 101, 'nobody': 65534}
NOT_OURS = shutil.ignore_patterns('__pycache__', '.mypy_cache', '.keep')
BIND_LOW_PORTS = {'usr/sbin/nginx': 1 << 10}  # capability NET_BIND_SERVICE, for an nginx that is not root


@dataclass(frozen=True)
class Image:
    """One image: the layers it is made of, how it is started, and its names."""

    names: tuple[str, ...]  # REPOSITORY:TAG
    layers: tuple[str, ...]
    config: Mapping[str, Any]
    anywhere: tuple[str, ...] = field(default=('', 'cdk/'))  # what goes before the repositories


def command(*words: str, **more: Any) -> dict[str, Any]:
    return {'Cmd': list(words), 'Env': ['PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], **more}


NGINX = command('nginx', '-g', 'daemon off;', ExposedPorts={'80/tcp': {}}, StopSignal='SIGQUIT')
IMAGES = (
    Image(
        ('pause:3.1', 'pause:3.2', 'pause-amd64:3.1', 'pause-amd64:3.2', 'google_containers/pause-amd64:3.1'),
        ('pause',),
        {'Entrypoint': ['/pause']},
    ),
    Image(('library/busybox:latest', 'library/busybox:1.35', 'busybox:latest'), ('busybox',), command('sh')),
    Image(('library/nginx:latest', 'library/nginx:1.22', 'nginx:latest'), ('libraries', 'nginx', 'site'), NGINX),
    Image(
        ('library/registry:2', 'cdkbot/registry-amd64:2.6', 'cdkbot/registry:2.6', 'registry-amd64:2.6'),
        ('libraries', 'registry'),
        command(
            '/etc/docker/registry/config.yml',
            Entrypoint=['docker-registry', 'serve'],
            ExposedPorts={'5000/tcp': {}},
            Volumes={'/var/lib/registry': {}},
        ),
    ),
    Image(
        ('defaultbackend-amd64:1.5', 'defaultbackend:1.5', 'google_containers/defaultbackend-amd64:1.5'),
        ('libraries', 'nginx', 'default-backend'),
        {**NGINX, 'ExposedPorts': {'8080/tcp': {}}},
    ),
    Image(
        ('cdkbot/microbot-amd64:latest', 'cdkbot/microbot:latest'),
        ('busybox', 'microbot'),
        command('/microbot', ExposedPorts={'80/tcp': {}}),
    ),
    Image(
        (
            'ingress-nginx/controller:v1.2.1',
            'kubernetes-ingress-controller/nginx-ingress-controller-amd64:0.22.0',
            'nginx-ingress-controller-amd64:0.22.0',
        ),
        ('libraries', 'nginx', 'python', 'ingress'),
        command(
            '/nginx-ingress-controller', ExposedPorts={'80/tcp': {}, '443/tcp': {}}, User='101', StopSignal='SIGTERM'
        ),
    ),
)


def write(workshop: Workshop, debian: Debian, files: Mapping[str, Path], own: Path, pause: Path, target: Path) -> None:
    """Write the storage of a registry with all images.

    Raises:
        BuildError: a program in an image would lack a library.
    """
    trees = workshop.folder / 'images'
    shutil.rmtree(trees, ignore_errors=True)
    makers = _Trees(debian, files, own, pause, trees)
    registry = Registry(target)
    layers: dict[str, Layer] = {}
    for image in IMAGES:
        for name in image.layers:
            if name not in layers:
                layers[name] = registry.add_layer(makers.make(name), BIND_LOW_PORTS if name == 'nginx' else {})
        _check(trees, image)
        names = [name.rpartition(':')[::2] for name in image.names]
        names = [(prefix + repository, tag) for prefix in image.anywhere for repository, tag in names]
        registry.add_image(names, [layers[name] for name in image.layers], image.config)
    shutil.rmtree(trees)


class _Trees:
    """Makes the files of each layer."""

    def __init__(self, debian: Debian, files: Mapping[str, Path], own: Path, pause: Path, folder: Path) -> None:
        self.debian, self.files, self.own, self.pause, self.folder = debian, files, own, pause, folder

    def make(self, name: str) -> Path:
        tree = self.folder / name
        tree.mkdir(parents=True)
        packages = {
            'busybox': SYSTEM,
            'libraries': (*SYSTEM, *LIBRARIES),
            'python': PYTHON,
            'nginx': ('nginx', 'nginx-common'),
        }
        packages |= {'registry': ('docker-registry',)}
        for package in packages.get(name, ()):
            self.debian.unpack(self.files[package], tree)
        for path in LEFT_OUT:
            shutil.rmtree(tree / path, ignore_errors=True)
        if (self.own / 'images' / name).is_dir():
            shutil.copytree(self.own / 'images' / name, tree, dirs_exist_ok=True, symlinks=True, ignore=NOT_OURS)
        getattr(self, f'_{name.replace("-", "_")}', lambda _tree: None)(tree)
        return tree

    def _pause(self, tree: Path) -> None:
        shutil.copy(self.pause, tree / 'pause')

    def _libraries(self, tree: Path) -> None:
        self._busybox(tree)

    def _busybox(self, tree: Path) -> None:
        _merge_usr(tree)
        _system(tree)
        program = tree / 'usr/bin/busybox'
        said = self.debian.workshop.run('busybox', [program, '--list'])
        for applet in said.split():
            if applet != 'busybox':
                (tree / 'usr/bin' / applet).symlink_to('busybox')

    def _ingress(self, tree: Path) -> None:
        _certificates.write_fake(self.debian.workshop, tree / 'etc/ingress-controller')

    def _python(self, tree: Path) -> None:
        """Leave out modules whose libraries the image has not: compression, terminals, data bases."""
        (tree / 'usr/bin/python3').symlink_to('python3.11')
        for folder in ('test', 'idlelib', 'ensurepip', 'lib2to3'):
            shutil.rmtree(tree / 'usr/lib/python3.11' / folder, ignore_errors=True)
        there = _libraries(self.folder / 'libraries') | _libraries(tree)
        for path in _elf.missing(tree, (), there):
            (tree / path).unlink()


def _merge_usr(tree: Path) -> None:
    for name in ('bin', 'sbin', 'lib', 'lib64'):
        (tree / 'usr' / name).mkdir(parents=True, exist_ok=True)
        if (tree / name).is_dir() and not (tree / name).is_symlink():
            shutil.copytree(tree / name, tree / 'usr' / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(tree / name)
        (tree / name).symlink_to(f'usr/{name}')


def _system(tree: Path) -> None:
    for name in FOLDERS:
        (tree / name).mkdir(parents=True, exist_ok=True)
    for name in ('tmp', 'var/tmp', 'run', 'var/log/nginx', 'var/lib/nginx'):
        (tree / name).chmod(0o1777)
    (tree / 'etc').mkdir(exist_ok=True)
    lines = [f'{name}:x:{number}:{number}::/:/bin/sh\n' for name, number in USERS.items()]
    (tree / 'etc/passwd').write_text(''.join(lines))
    groups = {**USERS, 'nogroup': USERS['nobody']}
    (tree / 'etc/group').write_text(''.join(f'{name}:x:{number}:\n' for name, number in groups.items()))
    (tree / 'etc/nsswitch.conf').write_text('hosts: files dns\n')


def _libraries(tree: Path) -> frozenset[str]:
    return frozenset(path.name for folder in LIBRARY_FOLDERS for path in (tree / folder).glob('*.so*'))


def _check(trees: Path, image: Image) -> None:
    there = frozenset[str]().union(*(_libraries(trees / name) for name in image.layers))
    for name in image.layers:
        for program, lacking in _elf.missing(trees / name, (), there).items():
            raise BuildError(f'{program} in the image {image.names[0]} needs {", ".join(lacking)}')
