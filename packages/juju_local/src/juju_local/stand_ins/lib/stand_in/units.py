"""Reads systemd's unit files as systemd.unit(5), systemd.service(5) and systemd.syntax(7) say. Computing only."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

LINE_MAX = 1024 * 1024  # systemd from 235 on; before that 2048
SUFFIXES = ('.service', '.target', '.socket', '.timer', '.path', '.mount', '.slice', '.scope', '.device', '.swap')
UNITS_S = {
    'us': 1e-6, 'usec': 1e-6, 'ms': 1e-3, 'msec': 1e-3, '': 1.0, 's': 1.0, 'sec': 1.0, 'second': 1.0, 'seconds': 1.0,
    'm': 60.0, 'min': 60.0, 'minute': 60.0, 'minutes': 60.0, 'h': 3600.0, 'hr': 3600.0, 'hour': 3600.0, 'hours': 3600.0,
    'd': 86400.0, 'day': 86400.0, 'days': 86400.0, 'w': 604800.0, 'week': 604800.0, 'weeks': 604800.0,
}  # fmt: skip
ESCAPES = {'n': '\n', 't': '\t', 'r': '\r', 's': ' ', '\\': '\\', '"': '"', "'": "'", 'a': '\a', 'b': '\b', 'f': '\f'}


class Bad(ValueError):
    """A unit file that systemd would not load, with the reason."""


class Unit:
    """One unit as read from its file and its drop-ins; an empty assignment forgets what was set before it."""

    def __init__(self, name: str, settings: Iterable[tuple[str, str, str]] = ()) -> None:
        self.name = name
        self.values: dict[tuple[str, str], list[str]] = {}
        for section, key, value in settings:
            kept = self.values.setdefault((section, key), [])
            if value:
                kept.append(value)
            else:
                kept.clear()

    def all(self, section: str, key: str) -> list[str]:
        return self.values.get((section, key), [])

    def last(self, section: str, key: str, default: str = '') -> str:
        """Return the last value set, `default` if none is."""
        return (self.all(section, key) or [default])[-1]

    def words(self, section: str, key: str) -> list[str]:
        """Return a list of units or names, which may stand on several lines."""
        return [word for line in self.all(section, key) for word in specifiers(line, self.name).split()]

    def is_set(self, section: str, key: str, *, default: bool = False) -> bool:
        return boolean(self.last(section, key)) if self.all(section, key) else default

    def seconds(self, section: str, key: str, default: float) -> float:
        value = self.last(section, key)
        return seconds(value) if value else default


def parse(text: str, line_max: int = LINE_MAX) -> list[tuple[str, str, str]]:
    """Return a unit file's assignments as (section, key, value), in order. What systemd ignores is left out.

    Raises:
        Bad: a line is longer than systemd reads.
    """
    settings: list[tuple[str, str, str]] = []
    section = ''
    for line in _logical_lines(text, line_max):
        stripped = line.strip()
        if stripped.startswith('[') and stripped.endswith(']'):
            section = stripped[1:-1]
        elif '=' in stripped and section:
            key, _, value = stripped.partition('=')
            settings.append((section, key.strip(), value.strip()))
    return settings


def _logical_lines(text: str, line_max: int) -> Iterable[str]:
    """Yield lines without comments, with those that end in a backslash joined by a blank."""
    pending = ''
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(('#', ';')):
            continue
        if len(line) >= line_max:
            raise Bad(f'{number}: line of {len(line)} characters: systemd reads {line_max - 1}')
        if line.endswith('\\'):
            pending += line[:-1] + ' '
            continue
        yield pending + line
        pending = ''
    if pending:
        yield pending


def boolean(text: str) -> bool:
    return text.lower() in ('1', 'yes', 'y', 'true', 't', 'on')


def seconds(text: str) -> float:
    """Return a time span such as `1min 30s` or `500ms` in seconds; `infinity` is infinite.

    Raises:
        Bad: it is none.
    """
    if text.strip() == 'infinity':
        return float('inf')
    parts = re.findall(r'(\d+(?:\.\d+)?)\s*([a-z]*)', text)
    if not parts or re.sub(r'(\d+(?:\.\d+)?)\s*([a-z]*)|\s', '', text) or any(unit not in UNITS_S for _, unit in parts):
        raise Bad(f'not a time span: {text}')
    return sum(float(number) * UNITS_S[unit] for number, unit in parts)


def full_name(name: str) -> str:
    """Return a unit's name with its suffix, as systemctl completes it."""
    return name if name.endswith(SUFFIXES) else f'{name}.service'


def template_of(name: str) -> str:
    """Return the template's name of an instance (`a@b.service` is of `a@.service`), '' if it is none."""
    match = re.fullmatch(r'([^@]+@)([^.]+|.+)(\.\w+)', name)
    return match.group(1) + match.group(3) if match and match.group(2) else ''


def specifiers(text: str, name: str) -> str:
    """Replace `%n %N %p %i %I %j %%` as for this unit, and a few of the host's."""
    stem = name.rpartition('.')[0]
    prefix, _, instance = stem.partition('@')
    known = {'n': name, 'N': stem, 'p': prefix, 'i': instance, 'I': instance, '%': '%', 'u': 'root', 'h': '/root'}
    known |= {'t': '/run', 'S': '/var/lib', 'C': '/var/cache', 'L': '/var/log', 'E': '/etc', 'T': '/tmp'}  # noqa: S108
    return re.sub(r'%(.)', lambda match: known.get(match.group(1), match.group(0)), text)


def split(text: str) -> list[str]:
    """Split a line into words as systemd does; quotation marks may begin anywhere in a word.

    Raises:
        Bad: a quotation is not closed.
    """
    words: list[str] = []
    word: str | None = None
    quote = ''
    characters = iter(text)
    for char in characters:
        if char == '\\':
            escaped = next(characters, '')
            word = (word or '') + ESCAPES.get(escaped, '\\' + escaped)
        elif quote:
            quote, added = ('', '') if char == quote else (quote, char)
            word = (word or '') + added
        elif char in '"\'':
            quote, word = char, word or ''
        elif char.isspace():
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or '') + char
    if quote:
        raise Bad(f'unbalanced quoting: {text[:80]}')
    return words if word is None else [*words, word]


def environment(lines: Iterable[str], name: str) -> dict[str, str]:
    """Return what `Environment=` lines set; a word without `=` is ignored, as systemd does."""
    found: dict[str, str] = {}
    for line in lines:
        for word in split(specifiers(line, name)):
            key, equals, value = word.partition('=')
            if equals and re.fullmatch(r'[A-Za-z_][A-Za-z0-9_]*', key):
                found[key] = value
    return found


def environment_file(text: str) -> dict[str, str]:
    """Return what an `EnvironmentFile=` sets: `K=V` lines, values maybe quoted."""
    found: dict[str, str] = {}
    for line in text.replace('\\\n', '').splitlines():
        stripped = line.strip()
        key, equals, value = stripped.partition('=')
        if not equals or stripped.startswith(('#', ';')):
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in '"\'':
            value = value[1:-1]
        found[key.strip()] = value
    return found


class Command:
    """One `Exec...=` line: the program, its words, and the prefixes `-` (may fail) and `@`, `+`, `!`, `:`."""

    def __init__(self, line: str, name: str) -> None:
        prefix, rest = re.fullmatch(r'([-@:+!|]*)(.*)', line, re.DOTALL).groups()  # type: ignore[union-attr]
        words = split(specifiers(rest, name))
        if not words:
            raise Bad(f'empty command: {line}')
        self.may_fail = '-' in prefix
        self.literal = ':' in prefix
        self.program = words[0]
        self.words = words[1:] if '@' in prefix else words
        if not self.program.startswith('/') and '/' in self.program:
            raise Bad(f'neither an absolute path nor a bare name: {self.program}')

    def expanded(self, variables: Mapping[str, str]) -> list[str]:
        """Return the words with `${NAME}` replaced, and `$NAME` that stands alone split into words."""
        if self.literal:
            return list(self.words)
        out: list[str] = []
        for position, word in enumerate(self.words):
            alone = re.fullmatch(r'\$([A-Za-z_][A-Za-z0-9_]*)', word)
            if alone and position:
                out += variables.get(alone.group(1), '').split()
            else:
                out.append(_braced(word, variables.get))
        return out


def _braced(word: str, value_of: Callable[[str], str | None]) -> str:
    word = re.sub(r'\$\{([A-Za-z_][A-Za-z0-9_]*)\}', lambda match: value_of(match.group(1)) or '', word)
    return word.replace('$$', '$')
