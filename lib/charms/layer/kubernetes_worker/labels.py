"""Node labels: what the operator wrote, what Kubernetes allows, and the patch that makes a node's labels so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# apimachinery, util/validation: qualified names, DNS subdomains and label values
NAME = re.compile(r'[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?', re.ASCII)
LABEL = re.compile(r'[a-z0-9]([a-z0-9-]*[a-z0-9])?', re.ASCII)
NAME_MAX = 63
PREFIX_MAX = 253


@dataclass(frozen=True)
class Parsed:
    """The labels in an option, and each item that is none with the reason."""

    labels: Mapping[str, str]
    problems: tuple[tuple[str, str], ...]


def parse(text: str) -> Parsed:
    """Return the valid `key=value` items (blanks or newlines between them), and what is wrong with the others."""
    labels: dict[str, str] = {}
    problems = []
    for item in text.split():
        reason = _fault(item)
        if reason:
            problems.append((item, f'{item[:80]!r} {reason}'))
        else:
            key, _, value = item.partition('=')
            labels[key] = value
    return Parsed(labels, tuple(problems))


def own(app: str, option: Mapping[str, str], gpu: bool) -> dict[str, str]:
    """Return every label the charm keeps on its node; the charm's own win over the operator's."""
    return {**option, **({'gpu': 'true', 'cuda': 'true'} if gpu else {}), 'juju-application': app}


def patch(wanted: Mapping[str, str], applied: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str | None]:
    """Return what to change in a node's labels; None removes one. {} when there is nothing to do.

    Args:
        wanted: what should be there.
        applied: what the charm has set earlier, so that it takes away its own labels only.
        present: what the node has now.
    """
    changes: dict[str, str | None] = {key: value for key, value in wanted.items() if present.get(key) != value}
    changes.update({key: None for key in applied if key not in wanted and key in present})
    return changes


def _fault(item: str) -> str:
    key, equals, value = item.partition('=')
    if not equals:
        return 'is not key=value'
    if '=' in value:
        return 'has more than one "="'
    prefix, slash, name = key.rpartition('/')
    if slash and not _is_subdomain(prefix):
        return 'has a prefix that is no DNS name'
    if not (NAME.fullmatch(name) and len(name) <= NAME_MAX):
        return f'needs a key of at most {NAME_MAX} letters, digits, "-", "_", "." between letters or digits'
    if value and not (NAME.fullmatch(value) and len(value) <= NAME_MAX):
        return f'needs a value of at most {NAME_MAX} letters, digits, "-", "_", "." between letters or digits'
    return ''


def _is_subdomain(text: str) -> bool:
    return len(text) <= PREFIX_MAX and all(LABEL.fullmatch(part) for part in text.split('.'))
