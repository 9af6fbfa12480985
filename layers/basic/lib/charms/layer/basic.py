"""What a reactive charm needs before charms.reactive can run, and the flags that mirror the charm's configuration.

Imported before the charm's dependencies are there: the module itself needs the standard library only.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterator
from typing import Any

from charms.layer import _wheelhouse

KINDS = ('changed', 'set', 'default')


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
        # charms.reactive wants one function of pkg_resources, whose import takes longer than all others together
        sys.modules.setdefault('pkg_resources', _entry_points_only())
    else:
        import setuptools  # noqa: F401  # brings distutils back, which charmhelpers imports


activate_venv = bootstrap_charm_deps


def prepare_hook() -> None:
    """Arrange for the flags to be right while handlers run; call it before `charms.reactive.main`."""
    from charmhelpers.core import hookenv
    from charms.layer import options
    from charms.reactive import trace

    if not options.get('basic', 'trace'):
        # charms.reactive queued its own tracer when it was imported: ours comes after it
        hookenv.atstart(trace.install_tracer, trace.NullTracer())
    hookenv.atstart(init_config_states)
    hookenv.atexit(clear_config_states)


def init_config_states() -> None:
    """Set `config.changed[.OPTION]`, `config.set.OPTION` and `config.default.OPTION` from the configuration."""
    from charmhelpers.core import hookenv
    from charms.reactive import flags

    config = hookenv.config()
    for name, option in _options().items():
        if config.changed(name):
            flags.set_flag('config.changed')
            flags.set_flag(f'config.changed.{name}')
        flags.toggle_flag(f'config.set.{name}', bool(config.get(name)))
        flags.toggle_flag(f'config.default.{name}', config.get(name) == option.get('default'))


def clear_config_states() -> None:
    """Clear the flags of `init_config_states`, so that an option that is gone leaves none behind."""
    from charmhelpers.core import unitdata
    from charms.reactive import flags

    for flag in flags.get_flags():
        if flag == 'config.changed' or flag.startswith(tuple(f'config.{kind}.' for kind in KINDS)):
            flags.clear_flag(flag)
    unitdata.kv().flush()


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
    from charmhelpers import fetch

    missing = fetch.filter_installed_packages(wanted)
    if missing:
        fetch.apt_update(fatal=False)
        fetch.apt_install(missing, fatal=True)
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

    def iter_entry_points(group: str, name: str | None = None) -> Iterator[Any]:
        from importlib import metadata

        for entry in metadata.entry_points(group=group):
            if name is None or entry.name == name:
                yield entry

    module.iter_entry_points = iter_entry_points  # type: ignore[attr-defined]
    return module
