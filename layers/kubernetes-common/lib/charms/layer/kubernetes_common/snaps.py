"""The door to snapd, beside what `charms.layer.snap` does."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from charms.layer import snap

from . import records, services, versions

TIMEOUT_S = 300
ROOT = Path('/snap')
UNITS = Path('/etc/systemd/system')
# the public snap layer lets CalledProcessError through, ours has an exception of its own
REFUSALS: tuple[type[Exception], ...] = (
    OSError,
    subprocess.SubprocessError,
    getattr(snap, 'SnapError', subprocess.SubprocessError),
)


class Failed(Exception):
    """snapd refused or could not be reached; the text says what was attempted and why it failed."""


def daemon(name: str) -> str:
    """Return the systemd unit of a snap's daemon."""
    return f'snap.{name}.daemon'


def resource_checksum(name: str) -> str:
    """Return the sha256 of the charm resource of this name; '' if it is absent or empty (use the channel then)."""
    # not hookenv.resource_get: it lets Juju's words about an absent resource through, as if that were an error
    done = subprocess.run(['resource-get', name], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    path = done.stdout.strip()
    if done.returncode or not path or Path(path).stat().st_size == 0:
        return ''
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def install(name: str, channel: str, resource: str = '', *, classic: bool = False) -> bool:
    """Install or refresh the snap unless it was installed from just this channel or file; True if it was done.

    A daemon that comes with a new snap rests until it is converged.

    Args:
        name: the snap; a charm resource of the same name takes precedence over the store.
        channel: used when the resource is absent or empty.
        resource: `resource_checksum(name)`.
        classic: whether the snap needs classic confinement.

    Raises:
        Failed: snapd is busy, the store unreachable, no such channel ... Try again in a later hook.
    """
    source, fresh = source_of(channel, resource), f'fresh-{name}'
    if records.get(f'snap-{name}') == source and revision(name):
        return False
    if not revision(name):
        records.put(fresh, True)
    try:
        snap.install(name, channel=channel, classic=classic)
    except REFUSALS as error:
        raise Failed(
            f'installing snap {name} from {"the attached resource" if resource else channel}: {_why(error)}'
        ) from error
    if records.get(fresh):
        # snapd has started the daemon without arguments: a kubelet that lets anybody in, others that end and end
        if UNITS.joinpath(f'{daemon(name)}.service').exists():
            services.stop(daemon(name))
        records.drop(fresh)
    records.put(f'snap-{name}', source)
    return True


def source_of(channel: str, resource: str) -> str:
    """Return what identifies a snap's source: the file's checksum, else the channel."""
    return f'sha256:{resource}' if resource else f'channel:{channel}'


def installed_source(name: str) -> str:
    """Return the source the snap was installed from by `install`; '' if it was not."""
    source = records.get(f'snap-{name}')
    return source if isinstance(source, str) else ''


def revision(name: str) -> str:
    """Return the revision of the snap in use, '' if it is not installed. No subprocess."""
    try:
        return (ROOT / name / 'current').readlink().name
    except OSError:
        return ''


def version(name: str) -> versions.Version:
    """Return the version of the installed program, asked once for each revision of its snap.

    Raises:
        Failed: the snap is not installed, or its program does not tell its version.
    """
    current = revision(name)
    known = records.get(f'version-{name}')
    if current and isinstance(known, dict) and known.get('revision') == current:
        return tuple(known['version'])
    found = _asked_version(name)
    records.put(f'version-{name}', {'revision': current, 'version': found})
    return found


def usage(name: str) -> str:
    """Return what `PROGRAM --help` prints, asked once for each revision of its snap; '' if it does not tell."""
    current = revision(name)
    known = records.get(f'usage-{name}')
    if current and isinstance(known, dict) and known.get('revision') == current:
        return str(known['text'])
    try:
        done = subprocess.run(
            [f'/snap/bin/{name}', '--help'], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ''
    if done.returncode == 0:
        records.put(f'usage-{name}', {'revision': current, 'text': done.stdout or done.stderr})
    return done.stdout or done.stderr if done.returncode == 0 else ''


def arguments(name: str, mapping: Mapping[str, str]) -> bool:
    """Make the snap's stored configuration (its daemon's command line) exactly this; True if it was changed.

    Keys that were set before and are not wanted any more are removed. What was set is recorded before and after, so a
    hook that dies in between removes too much of nothing.

    Raises:
        Failed: snapd or the snap's configure hook refused.
    """
    wanted = dict(mapping)
    record = f'arguments-{name}'
    known = records.get(record)
    if isinstance(known, dict) and known.get('applied') == wanted:
        return False
    before = set(known['keys']) if isinstance(known, dict) else _configured_keys(name)
    records.put(record, {'keys': sorted(before | set(wanted)), 'applied': None})
    settings = [f'{key}=null' for key in sorted(before - set(wanted))]
    settings += [f'{key}={_setting(value)}' for key, value in wanted.items()]
    if settings:
        _snap('set', name, *settings)
    records.put(record, {'keys': sorted(wanted), 'applied': wanted})
    return True


def forget(name: str) -> None:
    """Drop all records about a snap (it is being removed)."""
    for kind in ('snap', 'version', 'usage', 'arguments'):
        records.drop(f'{kind}-{name}')


def _setting(value: str) -> str:
    """Return the value as `snap set` must get it to store this very text.

    snapd reads every value as JSON first: an object, a list, a quoted text or `null` would not stay what it is.
    """
    try:
        read = json.loads(value)
    except ValueError:
        return value
    return value if isinstance(read, (bool, int, float)) else json.dumps(value)


def _configured_keys(name: str) -> set[str]:
    """Return the keys an earlier revision of the charm left in the snap's configuration."""
    done = subprocess.run(['snap', 'get', '-d', name], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    try:
        document = json.loads(done.stdout or '{}')
    except ValueError:
        return set()
    return set(document) if isinstance(document, dict) else set()


def _asked_version(name: str) -> versions.Version:
    question = ['version', '--client'] if name == 'kubectl' else ['--version']
    try:
        done = subprocess.run(
            [f'/snap/bin/{name}', *question], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
        return versions.parse(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise Failed(f'asking {name} for its version: {_why(error)}') from error


def _snap(*arguments: str) -> None:
    try:
        subprocess.run(['snap', *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(f'snap {arguments[0]} {arguments[1]}: {_why(error)}') from error


def _why(error: BaseException) -> str:
    said = getattr(error, 'stderr', None) or getattr(error, 'output', None) or str(error)
    return (said.decode(errors='replace') if isinstance(said, bytes) else str(said)).strip()[:400]
