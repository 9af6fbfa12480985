"""snapd's commands, and the flag `snap.installed.NAME`. The one door to snapd.

Keyword arguments of `install` and `refresh` are options of the snap command: `channel='1.12/stable'`, `classic=True`,
`devmode`, `jailmode`, `dangerous`, `revision`, `cohort`. A resource of the charm named like the snap is preferred to
the store when it is not empty.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import yaml
from charmhelpers.core import hookenv
from charms.reactive import flags

ATTEMPTS = 3
PAUSE_S = 5
SWITCHES = ('classic', 'devmode', 'jailmode', 'dangerous', 'ignore-validation', 'amend')
VALUES = ('channel', 'revision', 'cohort')
_listing: dict[str, dict[str, str]] | None = None


def install(snapname: str, **kw: Any) -> None:
    """Install a snap, from the charm's resource of that name if there is one; refresh it when it is there already."""
    if is_installed(snapname) and flags.is_flag_set(get_installed_flag(snapname)):
        refresh(snapname, **kw)
        return
    source = _resource(snapname)
    if source is None:
        _from_store('install', snapname, kw)
    else:
        _snap('install', *_options({**kw, 'dangerous': True}, without=('channel', 'revision', 'cohort')), str(source))
    flags.set_flag(get_installed_flag(snapname))


def refresh(snapname: str, **kw: Any) -> None:
    """Bring an installed snap to the channel asked for, or to the charm's resource; nothing when it is there."""
    source = _resource(snapname)
    if source is not None:
        _snap('install', *_options({**kw, 'dangerous': True}, without=('channel', 'revision', 'cohort')), str(source))
    else:
        # --amend: a snap that came from a file may be replaced by the store's
        _from_store('refresh', snapname, {**kw, 'amend': True})
    flags.set_flag(get_installed_flag(snapname))


def remove(snapname: str) -> None:
    """Remove a snap that may be there."""
    if is_installed(snapname):
        _snap('remove', snapname)
    flags.clear_flag(get_installed_flag(snapname))


def connect(plug: str, slot: str) -> None:
    """Connect a plug to a slot."""
    _snap('connect', plug, slot)


def enable(snapname: str) -> None:
    """Enable a snap."""
    _snap('enable', snapname)


def disable(snapname: str) -> None:
    """Disable a snap."""
    _snap('disable', snapname)


def restart(snapname: str) -> None:
    """Restart the services of a snap."""
    _snap('restart', snapname)


def set(snapname: str, key: str, value: object) -> None:  # the public layer's name
    """Set one option of a snap; None removes it."""
    set_all(snapname, {key: value})


def set_all(snapname: str, options: dict[str, object]) -> None:
    """Set several options of a snap at once: its configure hook runs once."""
    words = [f'{key}={"null" if value is None else value}' for key, value in sorted(options.items())]
    if words:
        _snap('set', snapname, *words)


def get(snapname: str, key: str) -> str:
    """Return one option of a snap, '' when unset."""
    done = subprocess.run(['snap', 'get', snapname, key], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ''


def set_refresh_timer(timer: str = '') -> None:
    """Tell snapd when it may refresh snaps; '' is snapd's own schedule, 'max' as late as it allows."""
    if timer == 'max':
        timer = latest_refresh_timer(time.gmtime())
    set_all('core', {'refresh.timer': timer or None})


def latest_refresh_timer(now: time.struct_time) -> str:
    """Return the timer whose next occurrence is farthest away: yesterday's day of the week of the month, as 'thu2'."""
    yesterday = time.gmtime(time.mktime(now) - time.timezone - 24 * 3600)
    days = ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')
    return f'{days[yesterday.tm_wday]}{min((yesterday.tm_mday - 1) // 7 + 1, 5)}'


def is_installed(snapname: str) -> bool:
    """Ask snapd whether a snap is installed."""
    return snapname in _list()


def get_installed_version(snapname: str) -> str | None:
    """Return the version of an installed snap, None when it is not installed."""
    return _list().get(snapname, {}).get('version')


def get_installed_channel(snapname: str) -> str | None:
    """Return the channel an installed snap follows, '' for one from a file, None when it is not installed."""
    if snapname not in _list():
        return None
    done = subprocess.run(['snap', 'info', snapname], capture_output=True, text=True, check=False)
    try:
        information = yaml.safe_load(done.stdout) or {}
    except yaml.YAMLError:
        return ''
    return str(information.get('tracking') or '') if isinstance(information, dict) else ''


def get_installed_flag(snapname: str) -> str:
    """Return the name of the flag that says that a snap was installed by this charm."""
    return f'snap.installed.{snapname}'


def _list() -> dict[str, dict[str, str]]:
    """Return what `snap list` says, name to version and revision; asked once between changes."""
    global _listing
    if _listing is None:
        done = subprocess.run(['snap', 'list'], capture_output=True, text=True, check=False)
        rows = [line.split() for line in done.stdout.splitlines()[1:]] if done.returncode == 0 else []
        _listing = {row[0]: {'version': row[1], 'revision': row[2]} for row in rows if len(row) > 2}
    return _listing


def _resource(name: str) -> Path | None:
    """Return the charm's resource called like the snap, None when there is none or it is empty."""
    if name not in (hookenv.metadata().get('resources') or {}):
        return None
    # not hookenv.resource_get: it lets Juju's words about an absent resource through, as if that were an error
    done = subprocess.run(['resource-get', name], capture_output=True, text=True, check=False)
    found = Path(done.stdout.strip() or '/nonexistent')
    return found if done.returncode == 0 and found.is_file() and found.stat().st_size > 0 else None


def _options(options: dict[str, Any], without: tuple[str, ...] = ()) -> list[str]:
    chosen = {key.replace('_', '-'): value for key, value in options.items()}
    switches = [f'--{key}' for key in SWITCHES if chosen.get(key) and key not in without]
    return switches + [f'--{key}={chosen[key]}' for key in VALUES if chosen.get(key) and key not in without]


def _from_store(verb: str, snapname: str, options: dict[str, Any]) -> None:
    """Run `snap VERB` with some patience: the store is somebody else's machine."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _snap(verb, *_options(options), snapname)
        except subprocess.CalledProcessError as error:
            said = str(error.output).strip()[-500:]
            hookenv.log(f'snap {verb} {snapname}, attempt {attempt} of {ATTEMPTS}: {said}', hookenv.WARNING)
            if attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE_S)
        else:
            return


def _snap(*arguments: str) -> str:
    """Run a snap command. Raises CalledProcessError, with what snapd said as its output."""
    global _listing
    done = subprocess.run(
        ['snap', *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if arguments[0] not in ('set', 'restart'):
        _listing = None
    done.check_returncode()
    return done.stdout
