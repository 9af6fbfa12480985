"""What a reactive charm needs before charms.reactive can run, and the flags that mirror the charm's configuration.

Imported before the charm's dependencies are there: the module itself needs the standard library only.
"""

from __future__ import annotations

import glob
import importlib
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from typing import Any

from charms.layer import _wheelhouse

PREFIXES = ('config.changed.', 'config.set.', 'config.default.')


def bootstrap_charm_deps() -> None:
    """Make the charm's dependencies importable; the first hook after an install or upgrade unpacks the wheelhouse.

    Afterwards this costs a few `stat` calls. Debian packages of the option `packages` are installed at the same time.
    """
    packages = _wheelhouse.converge('wheelhouse', os.path.join('..', '.venv'))
    activate(packages)
    _install_packages()


def activate(site_packages: str) -> None:
    """Put `site_packages` first on the path, and spare every hook two slow imports of charms.reactive.

    The interpreter is not replaced: a second start of Python would cost each hook as much as its imports.
    """
    # setuptools otherwise stands in front of the standard library's distutils, at 30 ms a hook
    os.environ.setdefault('SETUPTOOLS_USE_DISTUTILS', 'stdlib')
    if site_packages not in sys.path:
        sys.path.insert(1, site_packages)
        # `charms` was found in lib/ alone; charms.reactive brings the package that joins both
        for name in ('charms.layer', 'charms'):
            sys.modules.pop(name, None)
    if sys.version_info < (3, 12):
        # the machine's own setuptools may stand there already, since the interpreter started
        shim = sys.modules.get('_distutils_hack')
        if shim is not None:
            shim.remove_shim()
        # charms.reactive wants one function of pkg_resources, whose import takes longer than all others together
        sys.modules.setdefault('pkg_resources', _entry_points_only())
    else:
        import setuptools  # noqa: F401  # brings distutils back, which charmhelpers imports


activate_venv = bootstrap_charm_deps


def prepare_hook() -> None:
    """Arrange for the flags to be right while handlers run; call it before `charms.reactive.main`."""
    from charmhelpers.core import hookenv
    from charms import reactive
    from charms.layer import options
    from charms.reactive import bus, trace

    if 'JUJU_ACTION_NAME' not in os.environ:  # what an action prints is its result
        bus.hookenv = reactive.hookenv = _Narrator(hookenv)
    _remember_flags()
    metadata = _served(options.document('metadata.yaml'))
    hookenv.metadata = lambda: metadata  # asked for a dozen times, and slow to parse
    if not options.get('basic', 'trace'):
        # charms.reactive queued its tracer when it was imported, in front of the endpoints, which set flags
        hookenv._atstart[:] = [entry for entry in hookenv._atstart if entry[0] is not trace.install_tracer]
    hookenv.atstart(init_config_states)
    hookenv.atexit(clear_config_states)


def _remember_flags() -> None:
    """Read the flags anew only after something was stored: the framework does so for every flag it is asked about."""
    from charmhelpers.core import unitdata
    from charms.reactive import flags

    read = flags.get_flags
    store = unitdata.kv()
    known: dict[int, list[str]] = {}

    def get_flags() -> list[str]:
        changes = store.conn.total_changes
        if changes not in known:
            known.clear()
            known[changes] = read()
        return list(known[changes])

    flags.get_flags = get_flags


class _Narrator:
    """The module `hookenv` for the framework's own lines, which tell of each handler: they are printed.

    Juju takes a hook's output into its log too, and a `juju-log` for each would be a third of an idle hook's calls.
    """

    def __init__(self, hookenv: types.ModuleType) -> None:
        self._hookenv = hookenv

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hookenv, name)

    def log(self, message: str, level: str | None = None) -> None:
        if level in (self.INFO, self.DEBUG):
            print(message, flush=True)  # noqa: T201
        else:
            self._hookenv.log(message, level=level)


def init_config_states() -> None:
    """Make `config.changed[.OPTION]`, `config.set.OPTION` and `config.default.OPTION` say what the configuration is."""
    from charmhelpers.core import hookenv
    from charms.reactive import flags

    config = hookenv.config()
    wanted = set()
    for name, option in _options().items():
        if config.changed(name):
            wanted |= {'config.changed', f'config.changed.{name}'}
        if config.get(name):
            wanted.add(f'config.set.{name}')
        if config.get(name) == option.get('default'):
            wanted.add(f'config.default.{name}')
    # every flag that is set or cleared costs a walk over all of them: only the difference is written
    current = {flag for flag in flags.get_flags() if flag == 'config.changed' or flag.startswith(PREFIXES)}
    for flag in sorted(current - wanted):
        flags.clear_flag(flag)
    for flag in sorted(wanted - current):
        flags.set_flag(flag)


def clear_config_states() -> None:
    """Forget what changed, at the end of the hook that saw it; what is set or at its default stays said."""
    from charms.reactive import flags

    for flag in flags.get_flags():
        if flag.startswith('config.changed'):
            flags.clear_flag(flag)


def _served(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata without endpoints that have no interface layer: charms.reactive logs an error for each."""

    def has_layer(role: str, endpoint: dict[str, Any]) -> bool:
        places = ('hooks/relations', 'reactive/relations')
        return any(os.path.exists(f'{place}/{endpoint["interface"]}/{role}.py') for place in places)

    roles = {
        role: {name: endpoint for name, endpoint in (metadata.get(role) or {}).items() if has_layer(role, endpoint)}
        for role in ('provides', 'requires', 'peers')
    }
    return {**metadata, **roles}


def _options() -> dict[str, dict[str, Any]]:
    from charms.layer import options

    document = options.document('config.yaml')
    return document.get('options') or {}


def _install_packages() -> None:
    """Install the Debian packages of the option `packages` once for each list of them."""
    from charms.layer import options

    wanted = options.get('basic', 'packages')
    mark = os.path.join('..', '.packages')
    if not wanted or _read(mark) == ' '.join(wanted):
        return
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    # another process of a young machine may hold dpkg's lock
    apt = ['apt-get', '--assume-yes', '--option=DPkg::Lock::Timeout=300']
    subprocess.run([*apt, 'update'], env=environment, check=False)  # a mirror out of reach may not be needed
    subprocess.run([*apt, 'install', *wanted], env=environment, check=True)
    with open(f'{mark}.new', 'w', encoding='utf-8') as stream:
        stream.write(' '.join(wanted))
    os.replace(f'{mark}.new', mark)


def _read(path: str) -> str:
    try:
        with open(path, encoding='utf-8') as stream:
            return stream.read()
    except FileNotFoundError:
        return ''


def _entry_points_only() -> types.ModuleType:
    """Return a `pkg_resources` that knows `iter_entry_points`."""
    module = types.ModuleType('pkg_resources')

    def iter_entry_points(group: str, name: str | None = None) -> Iterator[_EntryPoint]:
        for directory in sys.path:
            for path in glob.glob(os.path.join(directory, '*.dist-info', 'entry_points.txt')):
                for entry in _entry_points(_read(path), group):
                    if name is None or entry.name == name:
                        yield entry

    module.iter_entry_points = iter_entry_points  # type: ignore[attr-defined]
    return module


class _EntryPoint:
    """An object that a package announces: `name = module:attribute`."""

    def __init__(self, line: str) -> None:
        self.name, _, place = (part.strip() for part in line.partition('='))
        self._module, _, self._attribute = place.partition(':')

    def load(self) -> Any:
        return getattr(importlib.import_module(self._module), self._attribute)


def _entry_points(text: str, group: str) -> Iterator[_EntryPoint]:
    here = False
    for line in text.splitlines():
        if line.startswith('['):
            here = line.strip() == f'[{group}]'
        elif here and '=' in line:
            yield _EntryPoint(line)
