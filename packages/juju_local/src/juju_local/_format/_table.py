"""Columns of text as the juju client lines them up: two spaces between, headers first, the last column unpadded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

GREEN, YELLOW, RED = '32', '33', '31'

STATUS_COLOURS = {
    **dict.fromkeys(('active', 'idle', 'started', 'executing', 'running', 'attached', 'completed', 'joined'), GREEN),
    **dict.fromkeys(
        ('allocating', 'maintenance', 'pending', 'rebooting', 'stopped', 'unknown', 'waiting', 'lost', 'joining'),
        YELLOW,
    ),
    **dict.fromkeys(('blocked', 'down', 'error', 'failed', 'terminated', 'aborted', 'cancelled'), RED),
}


@dataclass(frozen=True)
class Cell:
    """Text with a colour of its own (an ANSI code; '' for none)."""

    text: str
    colour: str = ''

    def painted(self, colour: bool) -> str:
        return f'\x1b[{self.colour}m{self.text}\x1b[0m' if colour and self.colour and self.text else self.text


def status(word: str) -> Cell:
    return Cell(word, STATUS_COLOURS.get(word, ''))


def table(
    header: Sequence[str], rows: Sequence[Sequence[str | Cell]], *, right: Collection[int] = (), colour: bool = False
) -> str:
    """Return the lines, each with its newline; `right` are the numbers of the right-aligned columns."""
    lines = [[_cell(value) for value in row] for row in (header, *rows)]
    widths = [max(len(line[column].text) for line in lines) for column in range(len(header))]
    return ''.join(_line(line, widths, right, colour) for line in lines)


def _cell(value: str | Cell) -> Cell:
    return value if isinstance(value, Cell) else Cell(value)


def _line(cells: Sequence[Cell], widths: Sequence[int], right: Collection[int], colour: bool) -> str:
    out = []
    for number, cell in enumerate(cells[:-1]):
        pad = ' ' * (widths[number] - len(cell.text))
        text = cell.painted(colour)
        out.append((pad + text if number in right else text + pad) + '  ')
    return ''.join(out) + cells[-1].painted(colour) + '\n'
