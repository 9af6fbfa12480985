"""All that is wrong with the options, in one line that a status has room for."""

from __future__ import annotations

from collections.abc import Iterable

from charms.layer.kubernetes_common.options import Invalid

ROOM = 220  # characters; a status has some more, for what stands around it


def named(problems: Iterable[Invalid], room: int = ROOM) -> str:
    """Return every wrong option with its first reason; reasons are cut where they do not all fit, names never."""
    reasons: dict[str, list[str]] = {}
    for problem in problems:
        reasons.setdefault(problem.option, []).append(problem.reason)
    texts = [_text(option, found) for option, found in reasons.items()]
    if len('; '.join(texts)) <= room:
        return '; '.join(texts)
    share = room // len(texts) - 2
    return '; '.join(_cut(text, max(share, len(option) + 3)) for text, option in zip(texts, reasons, strict=True))


def _text(option: str, found: list[str]) -> str:
    more = f' (+{len(found) - 1} more)' if len(found) > 1 else ''
    return f'{option}: {found[0]}{more}'


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f'{text[: length - 3]}...'
