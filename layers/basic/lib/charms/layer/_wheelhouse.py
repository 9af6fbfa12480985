"""The charm's virtual environment, made from the wheels it brings. Standard library only; touches `../.venv`.

Wheels are unpacked, which takes a fraction of a second; whatever else lies in the wheelhouse goes through pip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

MARK = '.wheelhouse'


def converge(wheelhouse: str, venv: str) -> str:
    """Make `venv` hold what lies in `wheelhouse`, unless it already does; return the path of its site-packages.

    A link in the place of `venv` is somebody else's environment and is left alone. The new environment is complete
    before it takes the old one's place, so that a hook that dies in here leaves a usable one or none.
    """
    venv = os.path.abspath(venv)
    version = f'python{sys.version_info.major}.{sys.version_info.minor}'
    packages = os.path.join(venv, 'lib', version, 'site-packages')
    if os.path.islink(venv):
        return packages
    wanted = fingerprint(wheelhouse)
    try:
        with open(os.path.join(venv, MARK), encoding='utf-8') as stream:
            if stream.read() == wanted:
                return packages
    except FileNotFoundError:
        pass
    _build(wheelhouse, f'{venv}.new', wanted)
    shutil.rmtree(f'{venv}.old', ignore_errors=True)
    if os.path.isdir(venv):
        os.rename(venv, f'{venv}.old')
    os.rename(f'{venv}.new', venv)
    shutil.rmtree(f'{venv}.old', ignore_errors=True)
    return packages


def fingerprint(wheelhouse: str) -> str:
    """Return a text that differs when the interpreter, or the name or size of a file of the wheelhouse does."""
    lines = [f'{sys.implementation.cache_tag} {sys.executable}']
    if os.path.isdir(wheelhouse):
        entries = sorted((entry.name, entry.stat().st_size) for entry in os.scandir(wheelhouse) if entry.is_file())
        lines += [f'{name} {size}' for name, size in entries if not name.startswith('.')]
    return '\n'.join(lines) + '\n'


def _build(wheelhouse: str, venv: str, mark: str) -> None:
    import venv as venv_module

    shutil.rmtree(venv, ignore_errors=True)
    venv_module.EnvBuilder(with_pip=False, symlinks=True).create(venv)
    version = f'python{sys.version_info.major}.{sys.version_info.minor}'
    packages = os.path.join(venv, 'lib', version, 'site-packages')
    names = sorted(os.listdir(wheelhouse)) if os.path.isdir(wheelhouse) else []
    wheels = [name for name in names if name.endswith('.whl')]
    sources = [name for name in names if name.endswith(('.tar.gz', '.zip', '.tar.bz2'))]
    for name in wheels:
        _unpack(os.path.join(wheelhouse, name), packages)
    if sources:
        _install([os.path.join(wheelhouse, name) for name in sources], packages)
    with open(os.path.join(venv, MARK), 'w', encoding='utf-8') as stream:
        stream.write(mark)


def _unpack(wheel: str, packages: str) -> None:
    """Unpack a wheel as an installer would, less its scripts and data files, which no charm calls."""
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if '.data/' not in name.split('/', 1)[0] + '/']
        archive.extractall(packages, members)


def _install(sources: list[str], packages: str) -> None:
    """Build and install source distributions; needs pip, and fetches it from the archive when the machine has none."""
    pip = [sys.executable, '-m', 'pip']
    if subprocess.run([*pip, '--version'], capture_output=True, check=False).returncode:
        environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
        subprocess.run(['apt-get', 'install', '-y', 'python3-pip'], check=True, env=environment)
    options = ['--quiet', '--no-index', '--no-deps', '--no-build-isolation', '--target', packages]
    subprocess.run([*pip, 'install', *options, *sources], check=True, env={**os.environ, 'PYTHONPATH': packages})
