"""Debian's packages: an apt of our own, whose lists and files are nobody else's. Nothing is installed on this machine.

Its sources are this machine's own entries for the suite, with sources added; apt checks signatures and sums of all it
fetches, and of what an earlier try has fetched.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from juju_local._real_store._workshop import BuildError, Workshop

SUITE = 'bookworm'
FIELDS = ('Package', 'Version', 'Architecture', 'Section', 'Description', 'Depends')
ONE_LINE = re.compile(rf'^deb +(\[[^]]*\] +)?\S+ +{SUITE}\S* .*\bmain\b')
SUITES = re.compile(rf'^Suites:.*\b{SUITE}\b', re.MULTILINE)
TYPES = re.compile(r'^Types:.*', re.MULTILINE)


class Debian:
    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.folder = workshop.folder / 'debian'
        self._updated = False

    def download(self, names: Sequence[str]) -> dict[str, Path]:
        """Return the files of packages, by name, in the versions that Debian has now."""
        self._update()
        files = self.folder / 'files'
        files.mkdir(exist_ok=True)
        self.workshop.run('apt-download', [*self._apt(), 'download', *names], cwd=files)
        wanted = self._versions(names)
        found = {name: files / f'{name}_{wanted[name][0].replace(":", "%3a")}_{wanted[name][1]}.deb' for name in names}
        missing = [name for name, path in found.items() if not path.exists()]
        if missing:
            raise BuildError(f'apt did not leave a file of {", ".join(missing)} in {files}')
        return found

    def source(self, name: str) -> Path:
        """Return the .dsc of a source package, the files it names beside it."""
        self._update()
        folder = self.folder / 'source' / name
        folder.mkdir(parents=True, exist_ok=True)
        self.workshop.run(
            f'apt-source-{name}', [*self._apt(), 'source', '--download-only', f'{name}/{SUITE}'], cwd=folder
        )
        return max(folder.glob('*.dsc'), key=lambda path: path.stat().st_mtime)

    def unpack(self, package: Path, target: Path) -> None:
        """Unpack a package's files. /bin, /sbin and /lib are folders of /usr, as on every machine today."""
        target.mkdir(parents=True, exist_ok=True)
        self.workshop.run('dpkg-deb', ['dpkg-deb', '--extract', package, target])
        for name in ('bin', 'sbin', 'lib'):
            if (target / name).is_dir() and not (target / name).is_symlink():
                shutil.copytree(target / name, target / 'usr' / name, symlinks=True, dirs_exist_ok=True)
                shutil.rmtree(target / name)

    def fields(self, package: Path) -> dict[str, str]:
        """Return what a package says of itself; of the description the first line."""
        text = self.workshop.run('dpkg-deb', ['dpkg-deb', '--field', package, *FIELDS])
        pairs = [line.partition(': ') for line in text.splitlines() if not line.startswith(' ')]
        return {key: value for key, _, value in pairs}

    def _versions(self, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return (version, architecture) of what apt has for each name."""
        text = self.workshop.run('apt-show', [*self._apt('apt-cache'), 'show', '--no-all-versions', *names])
        found: dict[str, tuple[str, str]] = {}
        for record in text.split('\n\n'):
            fields = dict(re.findall(r'^(\S+): (.*)$', record, re.MULTILINE))
            if fields.get('Package') in names:
                found[fields['Package']] = fields['Version'], fields['Architecture']
        return found

    def _update(self) -> None:
        if self._updated:
            return
        self._write_sources()
        (self.folder / 'lists/partial').mkdir(parents=True, exist_ok=True)
        self.workshop.run('apt-update', [*self._apt(), 'update'])
        self._updated = True

    def _write_sources(self) -> None:
        parts = self.folder / 'parts'
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir(parents=True)
        folder = Path('/etc/apt')
        paths = [
            folder / 'sources.list',
            *folder.glob('sources.list.d/*.list'),
            *folder.glob('sources.list.d/*.sources'),
        ]
        for name, text in own_sources({path.name: path.read_text() for path in paths if path.is_file()}).items():
            (parts / name).write_text(text)
        if not list(parts.iterdir()):
            raise BuildError(
                f'apt on this machine has no source of {SUITE}', 'The store is built on Debian 12 (bookworm), as root.'
            )

    def _apt(self, program: str = 'apt-get') -> list[str]:
        places = {
            'Dir::Etc::sourcelist': '/dev/null',
            'Dir::Etc::sourceparts': self.folder / 'parts',
            'Dir::Etc::preferences': '/dev/null',
            'Dir::Etc::preferencesparts': '/dev/null',
            'Dir::State::lists': self.folder / 'lists',
            'Dir::Cache::pkgcache': self.folder / 'pkgcache.bin',
            'Dir::Cache::srcpkgcache': self.folder / 'srcpkgcache.bin',
            'APT::Sandbox::User': '',
        }
        return [program, *(word for key, value in places.items() for word in ('-o', f'{key}={value}'))]


def own_sources(files: Mapping[str, str]) -> dict[str, str]:
    """Return the entries for the suite among a machine's files of sources, each with its sources added.

    Args:
        files: name to text, in either of apt's two formats.
    """
    lines = [line for name, text in files.items() if not name.endswith('.sources') for line in text.splitlines()]
    lines = [line for line in dict.fromkeys(lines) if ONE_LINE.match(line)]
    found = (
        {'machine.list': ''.join(f'{line}\n{line.replace("deb", "deb-src", 1)}\n' for line in lines)} if lines else {}
    )
    for name, text in files.items():
        stanzas = (
            [each for each in re.split(r'\n\s*\n', text) if SUITES.search(each)] if name.endswith('.sources') else []
        )
        if stanzas:
            found[name] = '\n\n'.join(TYPES.sub('Types: deb deb-src', each.strip()) for each in stanzas) + '\n'
    return found
