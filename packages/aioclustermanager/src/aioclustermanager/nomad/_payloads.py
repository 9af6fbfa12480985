"""What is sent for a job, and whether a job on the server is the one that was sent. Pure."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any

PAYLOAD_LIMIT = 65536  # bytes, of a dispatch
_SERVERS_OWN = frozenset(
    {
        'Status', 'StatusDescription', 'Version', 'VersionTag', 'Stable', 'CreateIndex', 'ModifyIndex',
        'JobModifyIndex', 'SubmitTime',
    }
)  # fmt: skip


def registration(job: Mapping[str, Any], namespace: str, expect: int | None, preserve_counts: bool) -> dict[str, Any]:
    """Return the body of a registration. `expect`: the JobModifyIndex it must have, 0 for none there."""
    placed = {**job, 'Namespace': namespace} if namespace else dict(job)
    body: dict[str, Any] = {'Job': placed}
    if expect is not None:
        body |= {'EnforceIndex': True, 'JobModifyIndex': expect}
    if preserve_counts:
        body['PreserveCounts'] = True
    return body


def contains(there: Any, sent: Any) -> bool:
    """Whether all that was sent is there, whatever the server added. Nothing and an empty value are the same to it."""
    if _is_nothing(sent):
        return True
    if isinstance(sent, Mapping):
        return isinstance(there, Mapping) and all(
            contains(there.get(key), value) for key, value in sent.items() if key not in _SERVERS_OWN
        )
    if isinstance(sent, list | tuple):
        return isinstance(there, list) and len(there) == len(sent) and all(map(contains, there, sent))
    return bool(there == sent)


def _is_nothing(value: object) -> bool:
    return value is None or value is False or value == 0 or value in ({}, [], (), '')


def dispatch(payload: bytes, meta: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the body of a dispatch. Raises ValueError for a payload that no server takes."""
    if len(payload) > PAYLOAD_LIMIT:
        raise ValueError(f'a payload of {len(payload)} bytes: Nomad takes {PAYLOAD_LIMIT}')
    body: dict[str, Any] = {'Meta': dict(meta or {})}
    return body | {'Payload': base64.b64encode(payload).decode()} if payload else body


def new_token() -> str:
    """Return a token under which a dispatch happens once, however often it is sent."""
    return str(uuid.uuid4())
