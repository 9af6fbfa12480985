"""`debug-log`: the log of a model."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from itertools import islice

import click

from juju_local._cli import _output
from juju_local._cli._session import Session
from juju_local._cli._verb import verb
from juju_local._logs import LEVELS, Filter, Log, Record, formatted

COLOURS = {'TRACE': 'bright_black', 'INFO': 'blue', 'WARNING': 'yellow', 'ERROR': 'red', 'CRITICAL': 'bright_red'}


@verb('debug-log')
@click.option('--replay', is_flag=True, help='Show the whole log, not only its end.')
@click.option('-i', '--include', multiple=True, metavar='ENTITY', help='Only of this unit, application or machine.')
@click.option('-x', '--exclude', multiple=True, metavar='ENTITY', help='Not of this unit, application or machine.')
@click.option('--include-module', multiple=True, metavar='MODULE', help='Only of modules that begin so.')
@click.option('--exclude-module', multiple=True, metavar='MODULE', help='Not of modules that begin so.')
@click.option('--include-label', '--include-labels', multiple=True, metavar='LABEL', help='Only with this label.')
@click.option('--exclude-label', '--exclude-labels', multiple=True, metavar='LABEL', help='Not with this label.')
@click.option(
    '-l', '--level', default='', metavar='LEVEL', help='This level and above: TRACE, DEBUG, INFO, WARNING, ERROR.'
)
@click.option('-n', '--lines', type=click.IntRange(0), default=10, help='How many of the last lines (default 10).')
@click.option('--limit', type=click.IntRange(0), default=0, help='Exit after this many lines.')
@click.option('--tail/--no-tail', 'tail', default=None, help='Go on with what comes (default: on a terminal).')
@click.option('--date', is_flag=True, help='Show dates.')
@click.option('--ms', is_flag=True, help='Show milliseconds.')
@click.option('--utc', is_flag=True, help='Show times in UTC.')
@click.option('--location', is_flag=True, help='Accepted: hooks have no location.')
@click.option('--color/--no-color', 'colour', default=None, help='Colour the levels (default: on a terminal).')
def debug_log(
    session: Session,
    replay: bool,
    include: Sequence[str],
    exclude: Sequence[str],
    include_module: Sequence[str],
    exclude_module: Sequence[str],
    include_label: Sequence[str],
    exclude_label: Sequence[str],
    level: str,
    lines: int,
    limit: int,
    tail: bool | None,
    date: bool,
    ms: bool,
    utc: bool,
    location: bool,
    colour: bool | None,
) -> None:
    """Show the log of the model: its last lines, and on a terminal what comes after."""
    if level and level.upper() not in LEVELS:
        raise click.UsageError(f'level value "{level}" is not one of "TRACE", "DEBUG", "INFO", "WARNING", "ERROR"')
    session.database().close()
    modules, labels = (tuple(include_module), tuple(exclude_module)), (tuple(include_label), tuple(exclude_label))
    wanted = Filter(tuple(include), tuple(exclude), *modules, level.upper(), *labels)
    follow = (sys.stdout.isatty() and not limit) if tail is None else tail
    records = _records(Log(session.folder), wanted, lines if not replay else None, follow)
    with contextlib.suppress(KeyboardInterrupt):
        for record in islice(records, limit or None):
            line = formatted(record, date=date, ms=ms, utc=utc, location=location)
            _output.result(_painted(record, line, _output.wants_colour(colour)) + '\n')


def _records(log: Log, wanted: Filter, lines: int | None, follow: bool) -> Iterator[Record]:
    position = log.position()
    yield from log.replay(wanted) if lines is None else log.tail(lines, wanted)
    if follow:
        yield from (record for record in log.follow(position, wanted) if record is not None)


def _painted(record: Record, line: str, colour: bool) -> str:
    if not colour or record.level not in COLOURS:
        return line
    return line.replace(f' {record.level} ', f' {click.style(record.level, fg=COLOURS[record.level])} ', 1)
