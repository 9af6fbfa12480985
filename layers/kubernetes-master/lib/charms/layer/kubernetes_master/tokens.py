"""The API server's token file: `token,user,uid,"group,group"` lines, some of them the operator's. Computing only.

Lines that are not ours, whatever they hold, stay as and where they are; a change to one user changes one line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One user's token. The uid tells rows of one user apart: every worker has a kube-proxy of its own."""

    token: str = field(repr=False)
    user: str
    uid: str
    groups: tuple[str, ...] = ()


def rows(text: str) -> list[Row]:
    """Return the rows that can be read; comments, blank lines and broken ones are left out."""
    return [row for line in text.splitlines() if (row := row_of(line)) is not None]


def row_of(line: str) -> Row | None:
    """Return a line's row, None if it is none."""
    if line.lstrip().startswith('#'):
        return None
    try:
        fields = next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None
    if len(fields) < 3 or not fields[0]:
        return None
    groups = fields[3].split(',') if len(fields) > 3 and fields[3] else []
    return Row(fields[0], fields[1], fields[2], tuple(groups))


def line_of(row: Row) -> str:
    """Return a row as a line; groups stand in quotes, as the API server wants them."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator='').writerow([row.token, row.user, row.uid])
    groups = ','.join(row.groups).replace('"', '""')
    return f'{stream.getvalue()},"{groups}"' if row.groups else stream.getvalue()


def served(text: str) -> str:
    """Return what the API server is to read: it refuses to start over a comment or a quote out of place."""
    return _joined(line_of(row) for row in rows(text))


def find(text: str, uid: str) -> Row | None:
    """Return the row with a uid."""
    return next((row for row in rows(text) if row.uid == uid), None)


def put(text: str, wanted: Row) -> str:
    """Return the text with `wanted` in the place of the row with its uid, or at the end."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        found = row_of(line)
        if found is not None and found.uid == wanted.uid:
            if found != wanted:
                lines[number] = line_of(wanted)
            return _joined(lines)
    return _joined([*lines, line_of(wanted)])


def ensure(text: str, user: str, uid: str, groups: tuple[str, ...], new_token: Callable[[], str]) -> str:
    """Return the text with a row for this uid; a token that is there is kept."""
    found = find(text, uid)
    return put(text, Row(found.token if found else new_token(), user, uid, groups))


def drop(text: str, uids: Collection[str]) -> str:
    """Return the text without the rows of these uids."""
    return _joined([line for line in text.splitlines() if (row := row_of(line)) is None or row.uid not in uids])


def normal(text: str) -> str:
    """Return the text with exactly one newline at its end: Juju trims values, and copies must be byte-equal."""
    return _joined(text.splitlines())


def _joined(lines: Iterable[str]) -> str:
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return ''.join(f'{line}\n' for line in kept)
