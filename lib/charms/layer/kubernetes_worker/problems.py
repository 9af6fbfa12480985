"""All that is wrong with the options, in one line that a status has room for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from charms.layer.kubernetes_common.options import Fault, Invalid

ROOM = 220  # characters; a status has some more, for what stands around it


def named(problems: Iterable[Invalid], room: int = ROOM) -> str:
    """Return every wrong option with its first reason, and the names of its other wrong parts.

    Where they do not all fit, reasons are cut and the names of options are not.
    """
    options: dict[str, list[Invalid]] = {}
    for problem in problems:
        options.setdefault(problem.option, []).append(problem)
    texts = [_text(option, found) for option, found in options.items()]
    if len('; '.join(texts)) <= room:
        return '; '.join(texts)
    share = room // len(texts) - 2
    return '; '.join(_cut(text, max(share, len(option) + 3)) for text, option in zip(texts, options, strict=True))


def _text(option: str, found: Sequence[Invalid]) -> str:
    others = ', '.join('.'.join(other.path)[:40] for other in found[1:] if isinstance(other, Fault))
    return f'{option}: {found[0].reason}' + (f'; and {others}' if others else '')


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f'{text[: length - 3]}...'
