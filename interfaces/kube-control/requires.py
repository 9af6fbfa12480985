"""The workers' side of kube-control. The endpoint's README tells its states and methods.

Data is taken from every unit of the control plane, in a fixed order, and each kind whole from one unit: only a leader
sends credentials and DNS, and a unit that has lost its leadership may still show old ones.
"""

from __future__ import annotations

from typing import TypedDict, TypeVar

from charmhelpers.core import hookenv, unitdata
from charms.reactive import Endpoint, toggle_flag

from . import wire

T = TypeVar('T')

DnsInfo = TypedDict(
    'DnsInfo',
    {
        'domain': str | None,
        'private-address': str | None,
        'sdn-ip': str | None,
        'port': str | None,
        'enable-kube-dns': bool | None,
    },
)


class AuthCredentials(TypedDict):
    user: str
    kubelet_token: str
    proxy_token: str
    client_token: str


class Received(TypedDict):
    """Credentials as they were last received, and on which relation."""

    relation: str
    credentials: AuthCredentials


class KubeControlRequirer(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    """Asks the control plane for credentials and hears about DNS and the cluster's names."""

    def manage_flags(self) -> None:
        self._forget()
        available = {
            'connected': self.is_joined,
            'dns.available': self.get_dns()['enable-kube-dns'] is not None,
            'auth.available': any(self.get_auth_credentials(user) for user in self._own_users()),
            'cluster_tag.available': bool(self.get_cluster_tag()),
            'registry_location.available': bool(self.get_registry_location()),
        }
        for name, is_available in available.items():
            toggle_flag(self.expand_name('{endpoint_name}.' + name), is_available)

    # ---- to the control plane

    def set_gpu(self, enabled: bool = True) -> None:
        """Tell the control plane whether this worker runs with a GPU."""
        self._publish({'gpu': wire.boolean_text(enabled)})

    def set_auth_request(self, kubelet: str, group: str = 'system:nodes') -> None:
        """Ask for tokens for the user `kubelet` in `group`. Asking for the same again changes nothing."""
        self._publish({'kubelet_user': kubelet, 'auth_group': group})
        self.manage_flags()

    # ---- from the control plane

    def get_dns(self) -> DnsInfo:
        """Return the cluster's DNS data; every member is None until one unit has sent all of it.

        `enable-kube-dns` is a real boolean; if it is False there is no `sdn-ip`. `private-address` is that of the
        unit that sent the data.
        """
        for unit, bag in self._bags():
            reading = wire.dns(bag)
            self._complain(unit, reading)
            if found := reading.value:
                return {
                    'domain': found.domain,
                    'private-address': wire.text(bag, 'private-address') or None,
                    'sdn-ip': found.sdn_ip or None,
                    'port': found.port or None,
                    'enable-kube-dns': found.enabled,
                }
        return {'domain': None, 'private-address': None, 'sdn-ip': None, 'port': None, 'enable-kube-dns': None}

    def get_auth_credentials(self, user: str) -> AuthCredentials | None:
        """Return a user's tokens, from whichever unit has them complete and signed for this unit; None if none has.

        What was once received holds as long as its relation has units: a leader that is gone took its bag along, and
        public charms may never publish again what they handed out before.
        """
        for relation_id, unit, bag in self._ordered():
            reading = wire.creds(bag)
            self._complain(unit, reading)
            entry = reading.value.get(user)
            if entry and entry.is_complete and wire.is_for(entry, hookenv.local_unit()):
                found: AuthCredentials = {
                    'user': user,
                    'kubelet_token': entry.kubelet_token,
                    'proxy_token': entry.proxy_token,
                    'client_token': entry.client_token,
                }
                self._remember(relation_id, found)
                return found
        return self._remembered(user)

    def get_cluster_tag(self) -> str | None:
        """Return the tag of the cluster's cloud resources, None until it is known."""
        return self._first('cluster-tag')

    def get_registry_location(self) -> str | None:
        """Return where container images come from, None if the control plane does not say. May end in a slash."""
        return self._first('registry-location')

    # ---- memory

    def _remember(self, relation_id: str, found: AuthCredentials) -> None:
        if found['user'] in self._own_users():
            unitdata.kv().set(self._key(), {'relation': relation_id, 'credentials': found})  # a file of mode 0600

    def _remembered(self, user: str) -> AuthCredentials | None:
        """Return what an earlier hook received for this user on a relation that is still joined."""
        kept: Received | None = unitdata.kv().get(self._key())
        if not kept or kept['credentials']['user'] != user:
            return None
        return kept['credentials'] if kept['relation'] in (rid for rid, _, _ in self._ordered()) else None

    def _forget(self) -> None:
        """Drop what came from a relation that has no units any more: the next one may be another cluster's."""
        kept: Received | None = unitdata.kv().get(self._key())
        if kept and kept['relation'] not in (rid for rid, _, _ in self._ordered()):
            unitdata.kv().unset(self._key())

    def _key(self) -> str:
        return f'interface.{self.endpoint_name}.credentials'

    # ---- reading

    def _first(self, key: str) -> str | None:
        return next((value for _, bag in self._bags() if (value := wire.text(bag, key))), None)

    def _bags(self) -> list[tuple[str, wire.Bag]]:
        """Return unit names and bags, those with credentials for us first: they lead, so all else is fresh too."""
        users = self._own_users()
        bags = [(unit, bag) for _, unit, bag in self._ordered()]
        return sorted(bags, key=lambda pair: not users.intersection(wire.creds(pair[1]).value))

    def _ordered(self) -> list[tuple[str, str, wire.Bag]]:
        """Return relation, name and bag of each unit of the control plane, in natural order."""
        named = [(unit.relation.relation_id, unit.unit_name, unit) for unit in self.all_joined_units]
        named.sort(key=lambda item: wire.order(item[0], item[1]))
        return [(relation_id, name, dict(unit.received_raw)) for relation_id, name, unit in named]

    def _own_users(self) -> set[str]:
        """Return the user this unit asked for (one, unless its relations differ)."""
        joined = (relation for relation in self.relations if relation.joined_units)
        return {user for relation in joined if (user := wire.text(relation.to_publish_raw, 'kubelet_user'))}

    def _complain(self, unit: str, reading: wire.Reading[T]) -> None:
        for fault in reading.faults:
            hookenv.log(f'{self.endpoint_name}: ignored from {unit}: {fault}', hookenv.WARNING)

    def _publish(self, bag: dict[str, str]) -> None:
        for relation in self.relations:
            raw = relation.to_publish_raw
            for key, value in bag.items():
                if raw.get(key) != value:
                    raw[key] = value
