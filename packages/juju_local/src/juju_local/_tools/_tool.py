"""What a hook tool is: its name, its flags, its function; and reading flags as Juju's gnuflag does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from juju_local._tools._call import Call, MisuseError

SMART = ('smart', 'json', 'yaml')
TRUE, FALSE = ('1', 't', 'T', 'true', 'TRUE', 'True'), ('0', 'f', 'F', 'false', 'FALSE', 'False')


@dataclass(frozen=True)
class Flag:
    """A flag; `names` from short to long, the last one is its name in `Call.flags`."""

    names: tuple[str, ...]
    help: str
    switch: bool = False


@dataclass(frozen=True)
class Tool:
    """A hook tool. Where `formats` is not empty, what `run` returns is printed; the first one is the default."""

    name: str
    usage: str
    summary: str
    run: Callable[[Call], object]
    flags: tuple[Flag, ...] = ()
    formats: tuple[str, ...] = ()
    most: int | None = None  # arguments; None: any number
    ignores_format: bool = False  # writers accept --format, for old charms
    newline: bool = True


def all_flags(tool: Tool) -> list[Flag]:
    flags = list(tool.flags)
    if tool.formats:
        flags.append(Flag(('format',), f'Specify output format ({"|".join(sorted(tool.formats))})'))
        flags.append(Flag(('o', 'output'), 'Specify an output file'))
    elif tool.ignores_format:
        flags.append(Flag(('format',), 'deprecated format flag'))
    return flags


def parse(tool: Tool, arguments: Sequence[str]) -> tuple[dict[str, str | bool], list[str]]:
    """Return the flags by long name and the other arguments; flags may stand anywhere before a `--`."""
    known = {name: flag for flag in all_flags(tool) for name in flag.names}
    flags: dict[str, str | bool] = {}
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == '--':
            rest += waiting
            break
        if word == '-' or not word.startswith('-'):
            rest.append(word)
        elif word.startswith('--'):
            _long(word, known, flags, waiting)
        else:
            _short(word, known, flags, waiting)
    if tool.most is not None and len(rest) > tool.most:
        extra = ' '.join(f'"{word}"' for word in rest[tool.most :])
        raise MisuseError(f'unrecognized args: [{extra}]')
    return flags, rest


def _long(word: str, known: dict[str, Flag], flags: dict[str, str | bool], waiting: list[str]) -> None:
    name, equals, value = word[2:].partition('=')
    flag = known.get(name)
    if flag is None:
        raise MisuseError(f'option provided but not defined: --{name}')
    if flag.switch:
        flags[flag.names[-1]] = _boolean(word, value) if equals else True
    else:
        flags[flag.names[-1]] = value if equals else _next(f'--{name}', waiting)


def _short(word: str, known: dict[str, Flag], flags: dict[str, str | bool], waiting: list[str]) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = known.get(letter)
        if flag is None:
            raise MisuseError(f'option provided but not defined: -{letter}')
        if flag.switch:
            flags[flag.names[-1]] = True
            continue
        flags[flag.names[-1]] = letters or _next(f'-{letter}', waiting)
        return


def _next(name: str, waiting: list[str]) -> str:
    if not waiting:
        raise MisuseError(f'option needs an argument: {name}')
    return waiting.pop(0)


def _boolean(word: str, value: str) -> bool:
    if value not in TRUE + FALSE:
        raise MisuseError(f'invalid boolean value "{value}" for option {word.partition("=")[0]}: invalid syntax')
    return value in TRUE


def help_text(tool: Tool) -> str:
    lines = [f'Usage: {tool.name} {tool.usage}'.rstrip(), '', 'Summary:', tool.summary, '']
    flags = all_flags(tool)
    if flags:
        lines.append('Options:')
    for flag in sorted(flags, key=lambda flag: flag.names[-1]):
        names = ', '.join(f'-{name}' if len(name) == 1 else f'--{name}' for name in flag.names)
        lines += [f'{names}  (= {"false" if flag.switch else chr(34) * 2})', f'    {flag.help}']
    return '\n'.join(lines) + '\n'
