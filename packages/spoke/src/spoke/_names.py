"""What a cluster, its agent and its certificates are called. Computes only; randomness is an argument."""

from __future__ import annotations

import random
import re
import uuid
from dataclasses import dataclass

PREFIX = 'system:open-cluster-management:'
ALL_CLUSTERS = f'{PREFIX}managed-clusters'
CLUSTER_LABEL = 'open-cluster-management.io/cluster-name'
ADDON_LABEL = 'open-cluster-management.io/addon-name'
CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client'

_LABEL = re.compile(r'[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?')  # DNS-1123
_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'  # no vowels, no digits that look like letters: apimachinery's


@dataclass(frozen=True)
class Names:
    """Who an agent is."""

    cluster: str
    agent: str

    @property
    def user(self) -> str:
        """The user name that its certificate gives it."""
        return f'{PREFIX}{self.cluster}:{self.agent}'

    @property
    def organizations(self) -> tuple[str, ...]:
        return (f'{PREFIX}{self.cluster}', ALL_CLUSTERS)


@dataclass(frozen=True)
class Sources:
    """Where each name may come from, the first that has it wins. '' where a source has none."""

    flag: str = ''
    certificate: str = ''
    file: str = ''
    pending: str = ''  # kept from a start whose request nobody has answered yet


def chosen(sources: Sources, generated: str) -> str:
    """Return the name; a newline that an editor left at the end of a file does not count."""
    found = (sources.flag, sources.certificate, sources.file.strip(), sources.pending)
    return next(filter(None, found), generated)


def from_common_name(common_name: str) -> Names | None:
    """Return whose certificate says this, None if it is no agent's."""
    parts = common_name.removeprefix(PREFIX).split(':')
    if not common_name.startswith(PREFIX) or len(parts) != 2 or not all(parts):
        return None
    return Names(*parts)


def new_cluster(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def new_agent(chance: random.Random) -> str:
    return ''.join(chance.choice(_LETTERS) for _ in range(5))


def faults(names: Names) -> list[str]:
    """Return all that is wrong with the names."""
    found = []
    if not names.cluster:
        found.append('cluster name is empty')
    elif not _LABEL.fullmatch(names.cluster):
        rule = "lower case letters, digits and '-', a letter or digit at both ends, 63 characters at most"
        found.append(f'--spoke-cluster-name: {names.cluster!r} has the wrong format ({rule})')
    if ':' in names.agent or names.agent != names.agent.strip():
        found.append(f"--agent-id: {names.agent!r} has a ':' or a blank in it, which no certificate could be read with")
    return found


def faults_of_flags(cluster: str, agent: str) -> list[str]:
    """Return what is wrong with the names that were given; those that are not, '', are found later."""
    return faults(Names(cluster or 'unset', agent or 'unset'))


@dataclass(frozen=True)
class Subject:
    """Whom a certificate is for."""

    common_name: str
    organizations: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()


def hub_subject(names: Names) -> Subject:
    return Subject(names.user, names.organizations)


def addon_subject(names: Names, addon: str, signer: str, wanted: dict[str, object]) -> Subject:
    """Return the subject for a registration of an add-on; `wanted` is its `subject`, {} if it has none."""
    base = f'system:open-cluster-management:cluster:{names.cluster}:addon:{addon}'
    groups = tuple(map(str, _list(wanted.get('groups'))))
    if not groups and signer == CLIENT_SIGNER:
        groups = (base,)
    return Subject(
        str(wanted.get('user') or f'{base}:agent:{names.agent}'),
        groups,
        tuple(map(str, _list(wanted.get('organizationUnit')))),
        (f'{addon}.addon.open-cluster-management.io',),
    )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
