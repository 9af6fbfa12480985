"""Flags as Go's pflag reads them, on argparse: `--x=v`, `--x v`, `--yes`, `--yes=false`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

from . import _durations

Parse = Callable[[str], Any]
_BOOLEANS = {**dict.fromkeys(('1', 't', 'T', 'true', 'TRUE', 'True'), True),
             **dict.fromkeys(('0', 'f', 'F', 'false', 'FALSE', 'False'), False)}  # fmt: skip


class BadFlag(Exception):
    """A command line that cannot be meant; the text names the flag."""


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are exceptions, not exits, and whose help names each flag once."""

    def __init__(self, *, words: str = '', **more: Any) -> None:
        """words: what the command takes before its flags."""
        shape = partial(argparse.HelpFormatter, max_help_position=40, width=120)
        super().__init__(usage=f'%(prog)s {words}[flags]', formatter_class=shape, allow_abbrev=False, **more)
        self.given: list[tuple[str, object]] = []  # flags of `add` that were on the line, with their targets

    def error(self, message: str) -> NoReturn:
        raise BadFlag(message)


def told(parse: Parse) -> Parse:
    """Return a reader whose refusals argparse shows, for its `type`."""

    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise ValueError(f'{text!r} is neither true nor false')
    return _BOOLEANS[text]


def integer(bits: int) -> Parse:
    """Return a reader of Go's integers of that size: decimal, 0x, 0o, 0b, and 0 before octal digits."""

    def parse(text: str) -> int:
        digits = text.lstrip('+-')
        octal = len(digits) > 1 and digits[0] == '0' and digits[1:].replace('_', '').isdigit()
        try:
            value = int(text, 8 if octal else 0)
        except ValueError:
            raise ValueError(f'{text!r} is no whole number') from None
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise ValueError(f'{text!r} is out of range for a number of {bits} bits')
        return value

    return parse


def mapping(text: str) -> dict[str, str]:
    """Return what `k=v,k=v` says."""
    found = {}
    for part in filter(None, text.split(',')):
        key, equals, value = part.partition('=')
        if not equals:
            raise ValueError(f'{part!r} is no key=value')
        found[key.strip()] = value
    return found


class _Set(argparse.Action):
    """Sets an attribute of an options object; what may be repeated grows."""

    def __init__(self, *arguments: Any, target: object, parse: Parse, grows: bool, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._target, self._parse, self._grows = target, parse, grows
        self._seen = False

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002  (argparse's signature)
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        try:
            value = self._parse(str(values))
        except ValueError as error:
            parser.error(f'{option_string}: {error}')
        if self._grows and self._seen:
            before = getattr(self._target, self.dest)
            value = {**before, **value} if isinstance(value, dict) else [*before, *value]
        self._seen = True
        setattr(self._target, self.dest, value)
        if isinstance(parser, Parser):
            parser.given.append((str(option_string), self._target))


def add(
    parser: argparse.ArgumentParser,
    name: str,
    target: object,
    attribute: str,
    help_: str,
    parse: Parse = str,
    *,
    grows: bool = False,
    switch: bool = False,
) -> None:
    """Add `--NAME`, which sets an attribute of `target`. grows: a further one adds to it; switch: no value is true."""
    more: dict[str, Any] = {'nargs': '?', 'const': 'true'} if switch else {}
    told = (help_ + _default(getattr(target, attribute))).replace('%', '%%')
    parser.add_argument(
        f'--{name}', action=_Set, target=target, dest=attribute, parse=boolean if switch else parse, grows=grows,
        default=argparse.SUPPRESS, help=told, metavar='true|false' if switch else 'VALUE', **more,
    )  # fmt: skip


def _default(value: object) -> str:
    """Return what help says of a default, '' where it wants nothing."""
    return f' (default {_durations.shown(value) if isinstance(value, timedelta) else value})' if value else ''
