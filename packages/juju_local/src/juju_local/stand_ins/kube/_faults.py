"""Requests that fail because a test ordered it.

Rules lie in `/var/lib/stand-in/fail/kube-apiserver.requests.json`: as for programs (docs/reference/store.md), with
`match` looked for in `METHOD /path?query`, `code` an HTTP status, `message` its text, `times` and `delay_s`.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from . import _statuses

PATH = Path(f'{os.environ.get("STAND_IN_ROOT", "").rstrip("/")}/var/lib/stand-in/fail/kube-apiserver.requests.json')


async def obey(request: str) -> None:
    """Use up the first rule that matches: wait, then raise its failure if it has a code."""
    try:
        rules: list[dict[str, Any]] = json.loads(PATH.read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError):
        return
    rule = next((rule for rule in rules if rule.get('match', '') in request), None)
    if rule is None:
        return
    _use_up(rules, rule)
    await asyncio.sleep(float(rule.get('delay_s', 0)))
    if code := int(rule.get('code', 0)):
        raise _statuses.StatusError(code, str(rule.get('message', 'this failure was ordered')))


def _use_up(rules: list[dict[str, Any]], rule: dict[str, Any]) -> None:
    times = int(rule.get('times', 1))
    if times < 0:
        return
    kept = [
        {**other, 'times': times - 1} if other is rule else other for other in rules if other is not rule or times > 1
    ]
    draft = PATH.with_suffix('.new')
    draft.write_text(json.dumps(kept), encoding='utf-8')
    draft.replace(PATH)
