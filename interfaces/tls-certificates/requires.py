"""Asks a certificate authority for certificates.

States (NAME is the endpoint's): `NAME.available` while a CA is related; `NAME.ca.available`; `NAME.certs.available`
and, for one kind, `NAME.server.certs.available` and `NAME.client.certs.available` while answers are there; the same
with `changed` for `available` when the text differs from what it was, to be cleared by the charm. The older names
`NAME.server.cert.available`, `NAME.client.cert.available` and `NAME.batch.cert.available` are kept.

A request that is already in the bag is not written again; subject names are sorted and each is sent once, or the CA
would issue a new certificate in every hook.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from charmhelpers.core import hookenv
from charms.reactive import Endpoint, data_changed, set_flag, toggle_flag


@dataclass(frozen=True)
class Certificate:
    """A certificate as it was answered, PEM text."""

    cert_type: str  # server or client
    common_name: str
    cert: str
    key: str = field(repr=False)


class TlsRequirer(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    def manage_flags(self) -> None:
        server, client = self.server_certs, self.client_certs
        self._toggle('available', self.is_joined)
        self._toggle_content('ca', [self.root_ca_cert, self.root_ca_chain] if self.root_ca_cert else [])
        self._toggle_content('certs', [*server, *client])
        self._toggle_content('server.certs', server)
        self._toggle_content('client.certs', client)
        self._toggle('server.cert.available', bool(server))
        self._toggle('client.cert.available', bool(client or self.get_client_cert()))
        self._toggle('batch.cert.available', bool(self.get_batch_requests()))

    # ---- asking

    def request_server_cert(self, cn: str, sans: Iterable[str] | None = None, cert_name: str | None = None) -> None:
        """Ask for a server certificate. The first common name asked for takes the plain keys, others the list."""
        for raw in self._request_bag():
            names = sorted(set(sans or ()))
            if raw.get('common_name') in (None, '', cn):
                _put(raw, 'common_name', cn)
                _put(raw, 'sans', json.dumps(names))
                _put(raw, 'certificate_name', cert_name or raw.get('certificate_name') or self._unit())
            else:
                _add(raw, 'cert_requests', cn, names)

    def add_request_server_cert(self, cn: str, sans: Iterable[str] | None = None) -> None:
        """Ask for a further server certificate, in the list."""
        for raw in self._request_bag():
            _add(raw, 'cert_requests', cn, sorted(set(sans or ())))

    def request_client_cert(self, cn: str, sans: Iterable[str] | None = None) -> None:
        """Ask for a client certificate."""
        for raw in self._request_bag():
            _add(raw, 'client_cert_requests', cn, None if sans is None else sorted(set(sans)))

    # ---- answers

    @property
    def root_ca_cert(self) -> str | None:
        return next((ca for bag in self._bags() if (ca := bag.get('ca'))), None)

    @property
    def root_ca_chain(self) -> str | None:
        return next((chain for bag in self._bags() if (chain := bag.get('chain'))), None)

    @property
    def server_certs(self) -> list[Certificate]:
        """Return what was answered so far of the server certificates asked for."""
        own = self._own()
        first = [self._plain_answer(own['common_name'])] if own.get('common_name') else []
        more = [self._answer('server', cn, 'processed_requests') for cn in sorted(_asked(own, 'cert_requests'))]
        return [certificate for certificate in first + more if certificate]

    @property
    def client_certs(self) -> list[Certificate]:
        """Return what was answered so far of the client certificates asked for."""
        asked = sorted(_asked(self._own(), 'client_cert_requests'))
        answers = [self._answer('client', cn, 'processed_client_requests') for cn in asked]
        return [certificate for certificate in answers if certificate]

    @property
    def server_certs_map(self) -> dict[str, Certificate]:
        return {certificate.common_name: certificate for certificate in self.server_certs}

    @property
    def client_certs_map(self) -> dict[str, Certificate]:
        return {certificate.common_name: certificate for certificate in self.client_certs}

    def get_ca(self) -> str | None:
        return self.root_ca_cert

    def get_chain(self) -> str | None:
        return self.root_ca_chain

    def get_server_cert(self) -> tuple[str, str] | None:
        """Return certificate and key of the first server certificate asked for."""
        first = self.server_certs[:1]
        return (first[0].cert, first[0].key) if first else None

    def get_client_cert(self) -> tuple[str, str] | None:
        """Return the pair that the CA gives to all its clients alike (easyrsa does, until 2019 the only one)."""
        return next((pair for bag in self._bags() if (pair := _pair(bag, 'client.cert', 'client.key'))), None)

    def get_batch_requests(self) -> dict[str, dict[str, str]]:
        """Return the answers to the server certificates of the list: common name to `cert` and `key`."""
        own = self._own()
        answers = (self._answer('server', cn, 'processed_requests') for cn in sorted(_asked(own, 'cert_requests')))
        return {found.common_name: {'cert': found.cert, 'key': found.key} for found in answers if found}

    # ---- reading

    def _plain_answer(self, cn: str) -> Certificate | None:
        keys = f'{self._unit()}.server.cert', f'{self._unit()}.server.key'
        pair = next((pair for bag in self._bags() if (pair := _pair(bag, *keys))), None)
        return Certificate('server', cn, *pair) if pair else self._answer('server', cn, 'processed_requests')

    def _answer(self, kind: str, cn: str, key: str) -> Certificate | None:
        for bag in self._bags():
            answer = _mapping(bag.get(f'{self._unit()}.{key}')).get(cn)
            if isinstance(answer, dict) and answer.get('cert') and answer.get('key'):
                return Certificate(kind, cn, str(answer['cert']), str(answer['key']))
        return None

    def _bags(self) -> list[Mapping[str, str]]:
        units = sorted(self.all_joined_units, key=lambda unit: _natural(unit.relation.relation_id, unit.unit_name))
        return [dict(unit.received_raw) for unit in units]

    def _own(self) -> Mapping[str, str]:
        return next((raw for relation in self._first() if (raw := relation.to_publish_raw)), {})

    def _request_bag(self) -> Iterator[Any]:
        """Yield the bag requests go to: that of the first relation, since one CA is enough."""
        for relation in self._first():
            _put(relation.to_publish_raw, 'unit_name', self._unit())
            yield relation.to_publish_raw

    def _first(self) -> list[Any]:
        joined = [relation for relation in self.relations if relation.joined_units]
        return sorted(joined, key=lambda relation: _natural(relation.relation_id))[:1]

    def _unit(self) -> str:
        return str(hookenv.local_unit()).replace('/', '_')

    # ---- flags

    def _toggle(self, name: str, value: bool) -> None:
        toggle_flag(self.expand_name('{endpoint_name}.' + name), value)

    def _toggle_content(self, name: str, content: list[Any]) -> None:
        self._toggle(f'{name}.available', bool(content))
        texts = [[item.cert, item.key] if isinstance(item, Certificate) else item for item in content]
        if content and data_changed(f'interface.{self.endpoint_name}.{name}', texts, 'sha256'):
            set_flag(self.expand_name('{endpoint_name}.' + name + '.changed'))


def _pair(bag: Mapping[str, str], cert: str, key: str) -> tuple[str, str] | None:
    return (bag[cert], bag[key]) if bag.get(cert) and bag.get(key) else None


def _mapping(text: str | None) -> dict[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    try:
        value = json.loads(text or '{}')
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _asked(bag: Mapping[str, str], key: str) -> dict[str, Any]:
    return _mapping(bag.get(key))


def _add(raw: dict[str, str], key: str, cn: str, sans: list[str] | None) -> None:
    _put(raw, key, json.dumps({**_mapping(raw.get(key)), cn: {'sans': sans}}, sort_keys=True))


def _put(raw: dict[str, str], key: str, value: str) -> None:
    if raw.get(key) != value:
        raw[key] = value


def _natural(*names: str) -> list[tuple[int, str]]:
    return [(int(part or -1), text) for name in names for text, part in re.findall(r'(\D+)(\d*)', name)]
