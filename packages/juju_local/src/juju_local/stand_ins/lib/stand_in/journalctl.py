"""journalctl: reads what init wrote of the units' output."""

from __future__ import annotations

import os
import re
import time

from . import core, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

FOLDER = f'{core.HOME}/journal'
SPANS_S = {'second': 1, 'sec': 1, 's': 1, 'minute': 60, 'min': 60, 'm': 60, 'hour': 3600, 'h': 3600, 'day': 86400}
POLL_S = 0.2


def entries(names: list[str]) -> list[tuple[float, str]]:
    """Return (time, rest of line) of these units, of all when none is named, oldest first."""
    place = core.path(FOLDER)
    known = sorted(os.listdir(place)) if os.path.isdir(place) else []
    found: list[tuple[float, str]] = []
    for name in known:
        if not names or name.removesuffix('.1') in names:
            for line in core.read(f'{FOLDER}/{name}').splitlines():
                stamp, _, rest = line.partition(' ')
                if re.fullmatch(r'\d+\.\d+', stamp):
                    found.append((float(stamp), rest))
    return sorted(found, key=lambda entry: entry[0])


def tail(names: list[str], lines: int) -> list[str]:
    """Return the last lines of these units as `-o short` shows them."""
    return [formatted(entry, 'short') for entry in entries(names)[-lines:]] if lines else []


def formatted(entry: tuple[float, str], style: str) -> str:
    stamp, rest = entry
    if style == 'cat':
        return rest.partition(': ')[2]
    if style.startswith('short-iso'):
        when = time.strftime('%Y-%m-%dT%H:%M:%S%z', time.localtime(stamp))
    elif style == 'short-unix':
        when = f'{stamp:.6f}'
    else:
        when = time.strftime('%b %d %H:%M:%S', time.localtime(stamp))
    return f'{when} {os.uname().nodename} {rest}'


def moment(text: str, now: float) -> float:
    """Return what --since or --until names, in seconds since the epoch.

    Raises:
        core.Refused: it is no time that we read.
    """
    if text in ('today', 'yesterday', 'now'):
        midnight = time.mktime((*time.localtime(now)[:3], 0, 0, 0, 0, 0, -1))
        return {'today': midnight, 'yesterday': midnight - 86400, 'now': now}[text]
    if text.startswith('@'):
        return float(text[1:])
    ago = re.fullmatch(r'(-?)(\d+)\s*([a-z]+?)s?( ago)?', text)
    if ago and ago.group(3) in SPANS_S and (ago.group(1) or ago.group(4)):
        return now - int(ago.group(2)) * SPANS_S[ago.group(3)]
    for form in ('%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M', '%Y-%m-%d'):
        try:
            return time.mktime(time.strptime(text, form))
        except ValueError:
            continue
    raise core.Refused(f'Failed to parse timestamp: {text}')


def main(_program: str, arguments: list[str]) -> int:
    """Print, and with -f go on printing."""
    wanted = _parse(arguments)
    names = [units.full_name(name) for name in wanted['units']]
    found = [entry for entry in entries(names) if wanted['since'] <= entry[0] <= wanted['until']]
    if wanted['grep']:
        found = [entry for entry in found if re.search(wanted['grep'], entry[1])]
    limit = wanted['lines'] if wanted['lines'] is not None else 10 if wanted['follow'] else None
    shown = found[-limit:] if limit else found if limit is None else []
    for entry in reversed(shown) if wanted['reverse'] else shown:
        core.say(formatted(entry, wanted['output']))
    if not shown and not wanted['follow']:
        core.say('-- No entries --')
    if wanted['follow']:
        for entry in _follow(names, found[-1][0] if found else 0.0):
            core.say(formatted(entry, wanted['output']))
    return 0


def _follow(names: list[str], last: float) -> Iterator[tuple[float, str]]:
    import sys

    while True:
        sys.stdout.flush()
        time.sleep(POLL_S)
        for entry in entries(names):
            if entry[0] > last:
                last = entry[0]
                yield entry


def _parse(arguments: list[str]) -> dict[str, Any]:
    import getopt

    long = ['unit=', 'lines=', 'follow', 'output=', 'no-pager', 'since=', 'until=', 'boot', 'reverse', 'quiet', 'grep=']
    long += ['identifier=', 'catalog', 'pager-end', 'all', 'priority=', 'utc', 'no-hostname', 'dmesg', 'no-tail']
    # -n without a number means 10
    arguments = [
        '-n10' if each == '-n' and not _is_number(arguments, index) else each for index, each in enumerate(arguments)
    ]
    try:
        options, _ = getopt.gnu_getopt(arguments, 'u:n:fo:S:U:breqg:t:xap:kl', long)
    except getopt.GetoptError as error:
        raise core.Refused(f'journalctl: {error}') from error
    wanted: dict[str, Any] = {
        'units': [],
        'lines': None,
        'follow': False,
        'output': 'short',
        'grep': '',
        'reverse': False,
    }
    wanted |= {'since': 0.0, 'until': float('inf')}
    for option, value in options:
        if option in ('-u', '--unit'):
            wanted['units'] += [value]
        elif option in ('-n', '--lines'):
            wanted['lines'] = None if value == 'all' else int(value)
        elif option in ('-f', '--follow'):
            wanted['follow'] = True
        elif option in ('-o', '--output'):
            wanted['output'] = value
        elif option in ('-r', '--reverse'):
            wanted['reverse'] = True
        elif option in ('-g', '--grep'):
            wanted['grep'] = value
        elif option in ('-S', '--since', '-U', '--until'):
            wanted['since' if option in ('-S', '--since') else 'until'] = moment(value, time.time())
    return wanted


def _is_number(arguments: list[str], index: int) -> bool:
    return index + 1 < len(arguments) and (arguments[index + 1].isdigit() or arguments[index + 1] == 'all')
