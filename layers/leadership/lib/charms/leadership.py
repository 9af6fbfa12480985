"""Leader data, and the flags that mirror it: `leadership.is_leader`, `.set.KEY`, `.changed` and `.changed.KEY`."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from typing import Any

from charmhelpers.core import hookenv, unitdata
from charms.reactive import flags

SEEN = 'leadership.settings'  # the hashes of what the last hook saw; the values may be secrets and are not kept
_settings: dict[str, str] | None = None


def leader_get(attribute: str | None = None) -> Any:
    """Return one leader setting (None when unset) or all of them; Juju is asked once a hook."""
    settings = _load()
    return dict(settings) if attribute is None else settings.get(attribute)


def leader_set(settings: Mapping[str, object] | None = None, **more: object) -> None:
    """Change leader settings, None removes one, and their flags; what is so already is not sent.

    Raises TypeError when the unit is not the leader.
    """
    wanted = {key: None if value is None else str(value) for key, value in {**(settings or {}), **more}.items()}
    if not flags.is_flag_set('leadership.is_leader'):
        raise TypeError(f'only the leader can set leader settings, and this unit is not: {", ".join(sorted(wanted))}')
    current = _load()
    changes = {key: value for key, value in wanted.items() if current.get(key) != value}
    if not changes:
        return
    _send(changes)
    for key, value in changes.items():
        if value is None:
            current.pop(key, None)
        else:
            current[key] = value
    mirror(current)


def initialize() -> None:
    """Set the flags from what Juju says now; runs before the handlers of every hook."""
    flags.toggle_flag('leadership.is_leader', bool(hookenv.is_leader()))
    mirror(_load())


def forget_changes() -> None:
    """Clear the `changed` flags at the end of the hook that saw the changes."""
    for flag in flags.get_flags():
        if flag.startswith('leadership.changed'):
            flags.clear_flag(flag)


def mirror(settings: Mapping[str, str]) -> None:
    """Set and clear flags for the difference between `settings` and what the last hook saw."""
    store = unitdata.kv()
    seen: dict[str, str] = store.get(SEEN) or {}
    now = {key: hashlib.sha256(value.encode()).hexdigest() for key, value in settings.items()}
    changed = sorted(key for key in {*seen, *now} if seen.get(key) != now.get(key))
    for key in changed:
        flags.toggle_flag(f'leadership.set.{key}', key in now)
        flags.set_flag(f'leadership.changed.{key}')
    if changed:
        flags.set_flag('leadership.changed')
        store.set(SEEN, now)


def _load() -> dict[str, str]:
    global _settings
    if _settings is None:
        answer = hookenv.leader_get() or {}
        _settings = {key: str(value) for key, value in answer.items()}
    return _settings


def _send(changes: Mapping[str, str | None]) -> None:
    """Hand the settings to `leader-set`, which takes them as arguments and in no other way (Juju 2.9).

    Who may list processes on this machine sees them while it runs. So callers' values, some of which are secrets, are
    only sent when they changed, and nothing else here puts them on a command line, in a log or in an error.
    """
    arguments = [f'{key}={"" if value is None else value}' for key, value in sorted(changes.items())]
    # not check_call: its error would repeat the values, which may be secrets
    done = subprocess.run(['leader-set', *arguments], stderr=subprocess.PIPE, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors='replace').strip()
        raise RuntimeError(f'leader-set of {", ".join(sorted(changes))} ended with {done.returncode}: {reason}')
