"""Who may do what: ACL tokens with capabilities by namespace. Computes only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ._wire import Refused

READ = frozenset({'list-jobs', 'read-job'})
WRITE = READ | {'submit-job', 'dispatch-job', 'read-logs', 'read-fs', 'scale-job', 'alloc-lifecycle'}


@dataclass(frozen=True)
class Token:
    """An ACL token and what its policies allow."""

    secret: str
    management: bool = False
    namespaces: Mapping[str, frozenset[str]] = field(default_factory=dict)
    node_read: bool = False
    agent_read: bool = False

    def allows(self, namespace: str, *capabilities: str) -> bool:
        return self.management or bool(self.namespaces.get(namespace, frozenset()) & set(capabilities))


ANYBODY = Token('', management=True)  # ACLs are off
ANONYMOUS = Token('')


def of(tokens: Mapping[str, Token], secret: str) -> Token:
    """Return who asks; without tokens ACLs are off."""
    if not tokens:
        return ANYBODY
    if not secret:
        return ANONYMOUS
    if secret not in tokens:
        raise Refused(403, 'ACL token not found')
    return tokens[secret]


def require(allowed: bool) -> None:
    if not allowed:
        raise Refused(403, 'Permission denied')
