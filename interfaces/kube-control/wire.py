"""How kube-control data is laid out in a unit's bag. Computing only: no Juju, no files, no flags.

Every reader takes a bag as Juju hands it out (text to text, absent keys missing) and never raises: the other side may
be any generation of the public charms, half way through writing, or broken. What cannot be read counts as not there,
and a `Reading` says why, without repeating a secret.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar('T')
Bag = Mapping[str, str]

# A user or group ends up in a token file of comma separated values and in RBAC objects: no blanks, commas or quotes.
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9:._@/-]{0,252}')
_NOTHING = ('', 'null', 'None', '__null__')


@dataclass(frozen=True)
class Reading(Generic[T]):
    """What a bag says, and what of it could not be read."""

    value: T
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What a worker unit asks for: a token for `user`, who shall be in `group`."""

    user: str
    group: str


@dataclass(frozen=True)
class Credentials:
    """The tokens of one user; `scope` is the unit that asked for them, as the control plane names it."""

    scope: str
    kubelet_token: str = field(repr=False)
    proxy_token: str = field(repr=False)
    client_token: str = field(repr=False)

    @property
    def is_complete(self) -> bool:
        """Whether all three tokens are here (sealed credentials of the 2024 charms leave them empty)."""
        return all((self.kubelet_token, self.proxy_token, self.client_token))


@dataclass(frozen=True)
class Dns:
    """The cluster's DNS; with `enabled` false there is no address."""

    domain: str
    port: str
    sdn_ip: str
    enabled: bool


def text(bag: Bag, key: str) -> str:
    """Return a value as text, '' if it is absent or one of the field's ways to write nothing.

    A value in JSON quotes loses them, since some writers encode everything as JSON.
    """
    value = str(bag.get(key) or '').strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            value = str(json.loads(value))
        except ValueError:
            return ''
    return '' if value in _NOTHING else value


def boolean(bag: Bag, key: str) -> bool | None:
    """Return a boolean written as text in any case; None if it is absent or neither."""
    return {'true': True, 'false': False}.get(text(bag, key).lower())


def boolean_text(value: object) -> str:
    """Return a truth value as every generation writes it in plain keys."""
    return 'True' if value else 'False'


def request(bag: Bag) -> Reading[Request | None]:
    """Return a worker's request for credentials; None until it has named both user and group."""
    user, group = text(bag, 'kubelet_user'), text(bag, 'auth_group')
    if not user or not group:
        return Reading(None)
    faults = tuple(f'{name!r:.80} is no user or group name' for name in (user, group) if not _NAME.fullmatch(name))
    return Reading(None if faults else Request(user, group), faults)


def gpu(bag: Bag) -> bool:
    """Return whether a worker has a GPU: only the exact text True says so, in all generations."""
    return bag.get('gpu') == 'True'


def dns(bag: Bag) -> Reading[Dns | None]:
    """Return the DNS data of one unit; None until the unit has written all of it.

    A unit that has not written enable-kube-dns has not told anything yet. With DNS on, address and port must be there.
    """
    enabled, domain = boolean(bag, 'enable-kube-dns'), text(bag, 'domain')
    if enabled is None:
        known = text(bag, 'enable-kube-dns')
        return Reading(None, (f'enable-kube-dns: {known!r:.40} is no truth value',) if known else ())
    if not domain:
        return Reading(None)
    if not enabled:
        return Reading(Dns(domain, text(bag, 'port'), '', False))
    address, port = text(bag, 'sdn-ip'), text(bag, 'port')
    if not address or not port:
        return Reading(None)
    faults = _dns_faults(address, port)
    return Reading(None if faults else Dns(domain, port, address, True), faults)


def _dns_faults(address: str, port: str) -> tuple[str, ...]:
    faults = []
    try:
        ipaddress.ip_address(address)
    except ValueError:
        faults.append(f'sdn-ip: {address!r:.80} is no address')
    if not (port.isascii() and port.isdigit()):
        faults.append(f'port: {port!r:.40} is no number')
    return tuple(faults)


def dns_bag(port: object, domain: str, sdn_ip: str | None, enabled: bool) -> dict[str, str | None]:
    """Return the keys that tell of DNS; None removes a key (there is no address when DNS is off)."""
    return {
        'port': str(port),
        'domain': domain,
        'sdn-ip': sdn_ip if enabled and sdn_ip else None,
        'enable-kube-dns': boolean_text(enabled),
    }


def creds(bag: Bag) -> Reading[dict[str, Credentials]]:
    """Return the credentials in a bag by user. Entries that cannot be used are left out, the others count."""
    written = bag.get('creds')
    if not written:
        return Reading({})  # not told yet; followers of some generations write an empty text
    try:
        mapping = json.loads(written)
    except ValueError:
        return Reading({}, ('creds: not JSON',))
    if mapping is None or mapping == '':
        return Reading({})
    if not isinstance(mapping, dict):
        return Reading({}, (f'creds: expected a mapping, got {type(mapping).__name__}',))
    entries = {user: _entry(value) for user, value in mapping.items()}
    faults = tuple(f'creds: the entry of {user!r:.80} is malformed' for user, entry in entries.items() if entry is None)
    return Reading({user: entry for user, entry in entries.items() if entry is not None}, faults)


def _entry(value: object) -> Credentials | None:
    if not isinstance(value, dict):
        return None
    members = [value.get(key, '') for key in ('scope', 'kubelet_token', 'proxy_token', 'client_token')]
    if not all(isinstance(member, str) for member in members):
        return None
    return Credentials(*members)


def creds_text(entries: Mapping[str, Credentials]) -> str | None:
    """Return the value of the key `creds`; None, which removes the key, for nobody."""
    if not entries:
        return None
    return json.dumps({user: vars(entry) for user, entry in entries.items()}, sort_keys=True)


def is_for(entry: Credentials, unit: str) -> bool:
    """Return whether an entry was signed for a unit (its own name for itself).

    A control plane in another model knows the unit as `remote-...` with the same number. An entry for a neighbour that
    has, or had, the same node name is not ours: taking it would put two kubelets behind one node.
    """
    if entry.scope in ('', unit):
        return True
    app, _, number = entry.scope.rpartition('/')
    return app.startswith('remote-') and number == unit.rpartition('/')[2]


def order(relation_id: str, unit: str) -> tuple[int, str, int]:
    """Return a sort key that puts relation 9 before 10 and app/2 before app/10."""
    number = relation_id.rpartition(':')[2]
    app, _, index = unit.rpartition('/')
    return int(number) if number.isdigit() else 0, app, int(index) if index.isdigit() else 0
