"""Configuration of snaps: how `snap set` types values, nested keys, and the Kubernetes snaps' configure hook.

Computing only.
"""

from __future__ import annotations

import json
import re

from . import snap_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KEY = re.compile(r'(?:[a-z0-9]+-?)*[a-z](?:-?[a-z0-9])*')
DAYS = ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')
SYSTEM_OPTIONS = (
    'refresh.', 'proxy.', 'system.', 'service.', 'experimental.', 'swap.', 'journal.', 'store-certs.', 'snapshots.',
    'resilience.', 'watchdog.', 'cloud', 'pi-config.', 'homedirs', 'users.', 'tmp.', 'store.', 'debug.', 'kernel.',
)  # fmt: skip


class Invalid(ValueError):
    """What the user set cannot be: the text is snapd's."""


def assignment(word: str, *, as_text: bool = False) -> tuple[str, Any]:
    """Return (key, value) of a `key=value` word: JSON if it reads as such, text otherwise. `key!` is None.

    Raises:
        Invalid: it is neither.
    """
    if word.endswith('!') and '=' not in word:
        return _key(word[:-1]), None
    key, equals, text = word.partition('=')
    if not equals:
        raise Invalid(f'invalid configuration: "{word}" (want key=value)')
    if as_text:
        return _key(key), text
    try:
        return _key(key), json.loads(text)
    except ValueError:
        return _key(key), text


def _key(key: str) -> str:
    for part in key.split('.'):
        if not KEY.fullmatch(part):
            raise Invalid(f'invalid option name: "{part}"')
    return key


def changed(config: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return the configuration with a dotted key set, or removed for None; empty maps go with their last key."""
    first, _, rest = key.partition('.')
    out = dict(config)
    if rest:
        below = out.get(first)
        value = changed(below if isinstance(below, dict) else {}, rest, value)
    if value is None or (rest and value == {}):
        out.pop(first, None)
    else:
        out[first] = value
    return out


def value_of(config: dict[str, Any], key: str) -> Any:
    """Return a dotted key's value, None if it is not set."""
    found: Any = config
    for part in key.split('.'):
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    return found


def arguments(known: dict[str, Any], version: str, config: dict[str, Any]) -> str:
    """Return the args file that a Kubernetes snap's configure hook writes.

    Raises:
        Invalid: a boolean option is neither true nor false.
    """
    lines = [str(config['args'])] if config.get('args') else []
    for name, option in sorted(known.get('options', {}).items()):
        text = _as_text(value_of(config, name.replace('_', '-')))
        if not text or not _is_known(option, version):
            continue
        if option.get('type') != 'bool':
            lines.append(f'--{name}="{text}"')
        elif text in ('true', 'false'):
            lines.append(f'--{name}' if text == 'true' else f'--{name}=false')
        else:
            raise Invalid(f'{name}: expected true or false, got {text}')
    return ''.join(f'{line}\n' for line in lines)


def _as_text(value: Any) -> str:
    """Return a value as `snapctl get` prints it to the hook."""
    if value is None:
        return ''
    return value if isinstance(value, str) else json.dumps(value, separators=(',', ':'))


def _is_known(option: dict[str, Any], version: str) -> bool:
    now = snap_store.number(version)[:2]
    first, last = option.get('first'), option.get('last')
    inside = (not first or now >= snap_store.number(first)) and (not last or now <= snap_store.number(last))
    return bool(option.get('always')) or inside


def check_system(key: str, value: Any, stores: list[str]) -> None:
    """Refuse what snapd's own configuration cannot be; `stores` are known by their assertions.

    Raises:
        Invalid: as the configure hook of core says it.
    """
    if not key.startswith(SYSTEM_OPTIONS):
        raise Invalid(f'cannot set "core.{key}": unsupported system option')
    if value is None:
        return
    if key == 'refresh.timer' and value not in ('', 'managed'):
        check_timer(str(value))
    elif key == 'proxy.store' and value and value not in stores:
        raise Invalid(f'cannot set proxy.store to "{value}" without a matching store assertion')
    elif key == 'refresh.retain' and not re.fullmatch(r'[2-9]|1\d|20', str(value)):
        raise Invalid(f'retain must be a number between 2 and 20, not "{value}"')


def check_timer(text: str) -> None:
    """Refuse what is no timer of snapd, such as `fri5,23:00-01:00/2` or `4:00,mon-wed,sat2`.

    Raises:
        Invalid: naming the part.
    """
    for part in text.split(',,'):
        for event in part.split(','):
            _check_event(event.strip())


def _check_event(event: str) -> None:
    span = event.partition('/')[0]
    for piece in re.split(r'[-~]', span):
        clock = re.fullmatch(r'(\d{1,2}):(\d{2})', piece)
        if clock and (int(clock.group(1)) > 24 or int(clock.group(2)) > 59):
            raise Invalid(f'cannot parse "{piece}": not a valid time')
        if not clock and not re.fullmatch(r'(mon|tue|wed|thu|fri|sat|sun)[1-5]?', piece):
            raise Invalid(f'cannot parse "{piece}": "{piece}" is not a valid weekday')
