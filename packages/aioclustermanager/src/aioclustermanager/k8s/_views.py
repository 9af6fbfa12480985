"""What is read out of objects as the API server gives them; a field that is not there is no error. Pure."""

from __future__ import annotations

from typing import Any

from . import _templates

Json = dict[str, Any]


def name(raw: Json) -> str | None:
    found: str | None = (raw.get('metadata') or {}).get('name')
    return found


def status(raw: Json) -> Json:
    return raw.get('status') or {}


def count(raw: Json, field: str) -> int:
    """Return a number of the status; False (which is 0) when the server says none."""
    number: int = status(raw).get(field) or False
    return number


def template_spec(raw: Json) -> Json:
    return ((raw.get('spec') or {}).get('template') or {}).get('spec') or {}


def first_container(pod_spec: Json) -> Json:
    containers: list[Json] = pod_spec.get('containers') or []
    return containers[0] if containers else {}


def payload(pod_spec: Json) -> Any:
    return _templates.payload_of(first_container(pod_spec))
