"""Command lines as the Go programs read them (pflag), from a table of flags. Pure.

A table is tab-separated: name, kind (bool, int, string, duration, gates), default, first version, last version,
deprecated since, description. `-` stands for nothing. Versions are minor ones, as 1.12.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import _version

TABLES = Path(__file__).parent / 'flags'
_TRUE = {'1', 't', 'T', 'true', 'TRUE', 'True'}
_FALSE = {'0', 'f', 'F', 'false', 'FALSE', 'False'}


class FlagError(Exception):
    """The command line is wrong; the text is what the real program says."""


@dataclass(frozen=True)
class Flag:
    name: str
    kind: str
    default: str
    first: str
    last: str
    deprecated: str
    description: str


def table(program: str, version: _version.Version) -> dict[str, Flag]:
    """Return the flags that this version of the program has."""
    known = [*rows(f'{program}.tsv'), *(rows('logging.tsv') if program != 'etcd' else ())]
    return {flag.name: flag for flag in known if _version.is_within(version, flag.first, flag.last)}


def rows(name: str) -> Iterable[Flag]:
    """Yield the flags of a table, of all versions."""
    for line in (TABLES / name).read_text(encoding='utf-8').splitlines():
        if line and not line.startswith('#'):
            yield Flag(*('' if cell == '-' else cell for cell in line.split('\t')))


def parse(arguments: Sequence[str], flags: Mapping[str, Flag], version: _version.Version) -> dict[str, str]:
    """Return every flag's value as text, defaults included; a repeated flag keeps its last value.

    Raises:
        FlagError: an unknown flag, a value missing or of the wrong kind, or an argument that is no flag.
    """
    values = {flag.name: flag.default for flag in flags.values()}
    rest = list(arguments)
    while rest:
        name, value = _split(rest.pop(0))
        if name in ('h', 'help', 'version'):
            values[{'h': 'help'}.get(name, name)] = value or 'true'
            continue
        flag = flags.get(name.replace('_', '-'))
        if flag is None:
            raise FlagError(
                f'unknown flag: --{name}' if len(name) > 1 else f'unknown shorthand flag: {name!r} in -{name}'
            )
        if value is None:
            if flag.kind == 'bool':
                value = 'true'
            elif rest:
                value = rest.pop(0)
            else:
                raise FlagError(f'flag needs an argument: --{flag.name}')
        values[flag.name] = _checked(flag, value, version)
    return values


def _split(argument: str) -> tuple[str, str | None]:
    if not argument.startswith('-') or argument in ('-', '--'):
        raise FlagError(f'unknown command "{argument}"')
    name, equals, value = argument.lstrip('-').partition('=')
    return name, value if equals else None


def _checked(flag: Flag, value: str, version: _version.Version) -> str:
    prefix = f'invalid argument "{value}" for "--{flag.name}" flag: '
    if flag.kind == 'bool':
        if value not in _TRUE | _FALSE:
            raise FlagError(f'{prefix}strconv.ParseBool: parsing "{value}": invalid syntax')
        return 'true' if value in _TRUE else 'false'
    if flag.kind == 'int' and not re.fullmatch(r'[+-]?\d+', value):
        raise FlagError(f'{prefix}strconv.ParseInt: parsing "{value}": invalid syntax')
    if flag.kind == 'duration' and not re.fullmatch(r'[+-]?(0|(\d+(\.\d+)?(ns|us|ms|s|m|h))+)', value):
        raise FlagError(f'{prefix}time: invalid duration {value}')
    if flag.kind == 'gates':
        _check_gates(value, prefix, version)
    return value


def _check_gates(value: str, prefix: str, version: _version.Version) -> None:
    for gate in filter(None, value.split(',')):
        name, _, setting = gate.partition('=')
        if setting not in _TRUE | _FALSE:
            raise FlagError(f'{prefix}invalid value of {name}={setting}, err: not a boolean')
        if not is_gate(name.strip(), version):
            raise FlagError(f'{prefix}unrecognized feature gate: {name}')


def is_gate(name: str, version: _version.Version) -> bool:
    """Tell whether this version knows the feature gate."""
    spans = {row.name: row for row in rows('gates.tsv')}
    return name in spans and _version.is_within(version, spans[name].first, spans[name].last)


def is_set(values: Mapping[str, str], name: str) -> bool:
    """Tell whether a boolean flag is on (a flag this version does not have is off)."""
    return values.get(name) == 'true'


def seconds(duration: str) -> float:
    """Return a Go duration in seconds."""
    units = {'ns': 1e-9, 'us': 1e-6, 'ms': 1e-3, 's': 1.0, 'm': 60.0, 'h': 3600.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r'(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)', duration))


def usage(program: str, summary: str, flags: Mapping[str, Flag], version: _version.Version) -> str:
    """Return the text of --help."""
    lines = [summary, '', 'Usage:', f'  {program} [flags]', '', 'Flags:']
    for name in sorted([*flags, 'help', 'version']):
        lines.append(_usage_line(flags[name], version) if name in flags else f'      --{name:<46} print and exit')
    return '\n'.join(lines) + '\n'


def _usage_line(flag: Flag, version: _version.Version) -> str:
    left = f'--{flag.name}' if flag.kind == 'bool' else f'--{flag.name} {flag.kind}'
    short = '-v, ' if flag.name == 'v' else '    '
    text = flag.description
    if flag.deprecated and version >= _version.parse(flag.deprecated):
        text += ' (DEPRECATED: will be removed in a future release)'
    default = f' (default {flag.default})' if flag.default else ''
    return f'  {short}{left:<48} {text}{default}'
