"""Small pieces of text that all formats share: natural order, times, YAML and JSON as the juju client writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timezone

import yaml


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key that puts u/2 before u/10."""
    return [(0, int(part), '') if part.isdigit() else (1, 0, part) for part in re.split(r'(\d+)', text) if part]


def naturally(names: Iterable[str]) -> list[str]:
    return sorted(names, key=natural)


def moment(seconds: float, utc: bool) -> datetime:
    """Return an aware datetime, in this machine's zone unless `utc`."""
    when = datetime.fromtimestamp(seconds, timezone.utc)
    return when if utc else when.astimezone()


def zone(when: datetime) -> str:
    """Return the offset as Go's `Z07:00` does: Z for UTC, +01:00 otherwise."""
    offset = when.strftime('%z')
    return 'Z' if offset in ('', '+0000') else f'{offset[:3]}:{offset[3:]}'


def since(seconds: float, utc: bool) -> str:
    """Return e.g. `21 Nov 2026 10:53:31Z`."""
    when = moment(seconds, utc)
    return when.strftime('%d %b %Y %H:%M:%S') + zone(when)


def clock(seconds: float, utc: bool) -> str:
    """Return e.g. `10:53:31Z`."""
    when = moment(seconds, utc)
    return when.strftime('%H:%M:%S') + zone(when)


def logged(seconds: float) -> str:
    """Return e.g. `2026-11-21 10:53:31 +0000 UTC`, as in an action's timing."""
    return moment(seconds, True).strftime('%Y-%m-%d %H:%M:%S +0000 UTC')


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = '|' if '\n' in text else None
    if (
        not text
        or dumper.resolve(  # type: ignore[no-untyped-call]
            yaml.ScalarNode, text, (True, False)
        )
        != 'tag:yaml.org,2002:str'
    ):
        style = '"'  # as Go's YAML quotes what would read back as something else
    return dumper.represent_scalar('tag:yaml.org,2002:str', text, style=style)


_Dumper.add_representer(str, _string)


def to_yaml(value: object) -> str:
    """Return block-style YAML in the given order of keys; text of several lines stays readable."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=10**6)


def to_json(value: object) -> str:
    """Return one line of JSON and a newline."""
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False) + '\n'


def in_order(mapping: dict[str, object]) -> dict[str, object]:
    """Return the mapping sorted by key, at any depth: Go writes maps so (structs keep their own order)."""
    return {
        key: in_order(value) if isinstance(value, dict) else value
        for key, value in sorted(mapping.items(), key=lambda item: natural(item[0]))
    }


def compact(mapping: dict[str, object]) -> dict[str, object]:
    """Return the mapping without the keys that Juju leaves out when empty (its `omitempty`); False counts as empty."""
    return {key: value for key, value in mapping.items() if value not in (None, '', [], {}, False)}


def ports(ranges: Iterable[object]) -> list[str]:
    """Return `80/tcp`, `8000-8010/udp`, `icmp` in order of protocol and number, each once."""
    found = {(r.protocol, r.from_port, r.to_port) for r in ranges}  # type: ignore[attr-defined]
    return [_port(*each) for each in sorted(found)]


def _port(protocol: str, first: int, last: int) -> str:
    if protocol == 'icmp':
        return 'icmp'
    return f'{first}/{protocol}' if first == last else f'{first}-{last}/{protocol}'
