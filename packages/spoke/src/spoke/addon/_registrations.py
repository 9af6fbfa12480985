"""What add-ons want certificates for, and where those go. Computes only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._names import CLIENT_SIGNER

DEFAULT_NAMESPACE = 'open-cluster-management-agent-addon'
HOSTING = 'addon.open-cluster-management.io/hosting-cluster-name'


@dataclass(frozen=True)
class Registration:
    """A certificate of an add-on."""

    addon: str
    signer: str
    namespace: str  # where its secret goes
    is_hosted: bool  # the secret is on management, not on the spoke
    subject: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """Tell registrations apart: another key is another certificate."""
        told = json.dumps([self.addon, self.signer, self.namespace, self.is_hosted, dict(self.subject)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @property
    def secret(self) -> str:
        if self.signer == CLIENT_SIGNER:
            return f'{self.addon}-hub-kubeconfig'
        return f'{self.addon}-{self.signer.replace("/", "-")}-client-cert'


def install_namespace(addon: Mapping[str, Any]) -> str:
    status, spec = addon.get('status') or {}, addon.get('spec') or {}
    return str(status.get('namespace') or spec.get('installNamespace') or DEFAULT_NAMESPACE)


def is_hosted(addon: Mapping[str, Any]) -> bool:
    return bool((addon['metadata'].get('annotations') or {}).get(HOSTING))


def wanted(addon: Mapping[str, Any]) -> Iterator[Registration]:
    """Yield what an add-on registers for; entries without a signer are none."""
    for entry in (addon.get('status') or {}).get('registrations') or []:
        if signer := entry.get('signerName'):
            yield Registration(
                addon['metadata']['name'],
                signer,
                install_namespace(addon),
                is_hosted(addon),
                entry.get('subject') or {},
            )


def is_ending(addon: Mapping[str, Any]) -> bool:
    return bool(addon['metadata'].get('deletionTimestamp'))
