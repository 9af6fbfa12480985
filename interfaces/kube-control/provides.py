"""The control plane's side of kube-control. The endpoint's README tells its states and methods.

Everything here compares what is wanted with what each relation's bag holds now, so any call may be made in any hook:
what is already there costs nothing, what was lost or is new to a relation is written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from charmhelpers.core import hookenv, unitdata
from charms.reactive import Endpoint, clear_flag, set_flag, toggle_flag

from . import wire

FULL = ('upgrade-charm', 'config-changed', 'leader-elected')  # hooks in which every worker's bag is read again


class Seen(TypedDict):
    """What a worker unit's bag said when a hook about that unit last ran."""

    user: str
    group: str
    gpu: bool


class UserGroup(TypedDict):
    user: str
    group: str


class KubeControlProvider(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    """Hands DNS, credentials and names of the cluster to the workers."""

    def _manage_flags(self) -> None:
        """Look at the relations in every hook, and at no more bags than that hook is about.

        Replaces charms.reactive's own (1.5.3), which in a hook of any worker asks for the bag of each: the cost of
        adding a worker would grow with the cluster. The framework's `changed` flags are not set, nobody here uses them.
        """
        toggle_flag(self.expand_name('joined'), self.is_joined)
        self.manage_flags()

    def manage_flags(self) -> None:
        """Bring memory, flags and our own credentials in line with who is related now."""
        leaving = self._is_leaving()
        self._note_departures(leaving)
        unitdata.kv().set(self._key('seen'), self._read())
        if not leaving:
            self._drop_strangers()
        toggle_flag(self.expand_name('{endpoint_name}.connected'), self.is_joined)
        toggle_flag(self.expand_name('{endpoint_name}.gpu.available'), self.get_gpu())
        toggle_flag(self.expand_name('{endpoint_name}.departed'), bool(self._waiting()))
        self._manage_auth_flag()

    # ---- to the workers

    def set_dns(self, port: int | str, domain: str, sdn_ip: str | None, enable_kube_dns: bool = True) -> None:
        """Send the cluster's DNS data; with `enable_kube_dns` false no address is sent."""
        self._publish(wire.dns_bag(port, domain, sdn_ip, enable_kube_dns))

    def set_cluster_tag(self, cluster_tag: str) -> None:
        """Send the tag that marks the cloud resources of this cluster."""
        self._publish({'cluster-tag': cluster_tag})

    def set_registry_location(self, registry_location: str) -> None:
        """Send where container images come from; empty means that nothing is said about it."""
        self._publish({'registry-location': registry_location})

    def set_extra(self, **values: object) -> None:
        """Send what only newer generations read, JSON encoded; None removes.

        `api_endpoints=[...]`, `default_cni=''`, `has_xcp=False`, `cohort_keys={}`, `taints=[]`, `labels=[]`: a worker
        of 2022 or later finds a control plane complete only if it has sent the first three.
        """
        bag = {key.replace('_', '-'): value for key, value in values.items()}
        self._publish({key: None if value is None else json.dumps(value, sort_keys=True) for key, value in bag.items()})

    # ---- credentials

    def auth_user(self) -> list[tuple[str, UserGroup]]:
        """Return who asks for credentials, answered or not: pairs of unit name and {'user', 'group'}."""
        return [(unit, {'user': seen['user'], 'group': seen['group']}) for _, unit, seen in self._requests()]

    def unsigned(self) -> list[tuple[str, UserGroup]]:
        """Return those of `auth_user` whose request is new or changed, or whose answer is not in the bag."""
        creds = {relation.relation_id: self._creds(relation) for relation in self._ordered()}
        groups: dict[str, str] = unitdata.kv().get(self._key('groups')) or {}
        return [
            (unit, {'user': seen['user'], 'group': seen['group']})
            for relation_id, unit, seen in self._requests()
            if relation_id in creds
            and not _is_answered(unit, seen, creds[relation_id], groups.get(f'{relation_id} {seen["user"]}'))
        ]

    def sign_auth_request(self, scope: str, user: str, kubelet_token: str, proxy_token: str, client_token: str) -> bool:
        """Send tokens to the unit named `scope`, on its own relation only.

        Returns False, and says why in the log, if that unit is not related or another live unit holds this user.
        """
        entry = wire.Credentials(scope, kubelet_token, proxy_token, client_token)
        homes = [relation for relation in self._ordered() if scope in relation.joined_units.keys()]  # noqa: SIM118 -- a KeyList
        holder = self._live_holder(user)
        if not homes or holder not in ('', scope):
            reason = f'{holder} holds it' if homes else 'that unit is not related'
            hookenv.log(f'{self.endpoint_name}: no credentials of {user} for {scope}: {reason}', hookenv.WARNING)
            return False
        for relation in homes:
            self._put(relation, 'creds', wire.creds_text({**self._creds(relation), user: entry}))
            self._remember_group(relation.relation_id, scope, user)
        self._manage_auth_flag()
        return True

    def withdraw_credentials(self) -> None:
        """Take all credentials off our bags: for a unit that does not, or no longer, lead.

        A unit that is being removed keeps them: its bag goes with it, and by then workers have those of the new leader.
        """
        if self._is_leaving():
            return
        self._publish({'creds': None})
        self._manage_auth_flag()

    # ---- what the workers tell

    def get_gpu(self) -> bool:
        """Return whether any worker runs with a GPU."""
        return any(seen['gpu'] for units in self._seen().values() for seen in units.values())

    def flush_departed(self) -> str | None:
        """Return the name of a unit that left, each once, and clear the `departed` state; None if nobody did.

        If more have left the state is set again at once, so a handler of it runs again in the same hook; where that
        is too slow, `while unit := kube_control.flush_departed()` takes them all.
        """
        waiting = self._waiting()
        unit = waiting.pop(0) if waiting else None
        unitdata.kv().set(self._key('departed'), waiting)
        clear_flag(self.expand_name('{endpoint_name}.departed'))
        if waiting:
            set_flag(self.expand_name('{endpoint_name}.departed'))
        return unit

    # ---- observing

    def _manage_auth_flag(self) -> None:
        toggle_flag(self.expand_name('{endpoint_name}.auth.requested'), bool(self.unsigned()))

    def _is_leaving(self) -> bool:
        """Return whether this unit is being removed; Juju tells in departed hooks, which are its last but few."""
        if os.environ.get('JUJU_DEPARTING_UNIT') == hookenv.local_unit():
            unitdata.kv().set(self._key('leaving'), True)
        return bool(unitdata.kv().get(self._key('leaving')))

    def _note_departures(self, leaving: bool) -> None:
        """Add to the waiting list who was here and is not: also a unit whose departed hook was skipped by hand.

        When this unit itself leaves, every worker seems to: that is nobody's departure.
        """
        live = {unit for relation in self.relations for unit in relation.joined_units.keys()}  # noqa: SIM118
        known = set(unitdata.kv().get(self._key('units')) or [])
        gone = known.union(unit.unit_name for unit in self.all_departed_units) - live
        self.all_departed_units.clear()
        if not leaving:
            waiting = [unit for unit in self._waiting() if unit not in live]
            added = sorted(gone.difference(waiting), key=lambda unit: wire.order('', unit))
            unitdata.kv().set(self._key('departed'), waiting + added)
        unitdata.kv().set(self._key('units'), sorted(live))

    def _read(self) -> dict[str, dict[str, Seen]]:
        """Return what each joined unit says, by relation.

        Juju keeps a remote unit's data as it was until a hook about that unit runs, so for all others memory is as good
        as asking. Rare hooks ask all, in case an operator had a hook skipped.
        """
        before = {} if hookenv.hook_name() in FULL else self._seen()
        about = (hookenv.relation_id(), hookenv.remote_unit())
        return {
            relation.relation_id: {
                unit.unit_name: self._recall(before, relation.relation_id, unit.unit_name, about) or self._hear(unit)
                for unit in relation.joined_units
            }
            for relation in self.relations
        }

    def _recall(
        self,
        before: Mapping[str, Mapping[str, Seen]],
        relation_id: str,
        unit: str,
        about: tuple[str | None, str | None],
    ) -> Seen | None:
        return None if (relation_id, unit) == about else before.get(relation_id, {}).get(unit)

    def _hear(self, unit: Any) -> Seen:
        bag: Mapping[str, str] = dict(unit.received_raw)
        reading = wire.request(bag)
        for fault in reading.faults:
            hookenv.log(f'{self.endpoint_name}: ignored from {unit.unit_name}: {fault}', hookenv.WARNING)
        asked = reading.value
        return {'user': asked.user if asked else '', 'group': asked.group if asked else '', 'gpu': wire.gpu(bag)}

    def _requests(self) -> Iterator[tuple[str, str, Seen]]:
        seen = self._seen()
        pairs = [(relation_id, unit) for relation_id, units in seen.items() for unit in units]
        for relation_id, unit in sorted(pairs, key=lambda pair: wire.order(*pair)):
            if seen[relation_id][unit]['user']:
                yield relation_id, unit, seen[relation_id][unit]

    # ---- our own bags

    def _remember_group(self, relation_id: str, unit: str, user: str) -> None:
        """Note the group a request was signed with: the wire does not carry it, and a changed one is a new request."""
        groups = dict(unitdata.kv().get(self._key('groups')) or {})
        seen = self._seen().get(relation_id, {}).get(unit)
        if seen and seen['user'] == user:
            groups[f'{relation_id} {user}'] = seen['group']
            unitdata.kv().set(self._key('groups'), groups)

    def _live_holder(self, user: str) -> str:
        """Return the related unit that was given this user and still asks for it, '' if there is none."""
        for relation in self._ordered():
            entry = self._creds(relation).get(user)
            seen = self._seen().get(relation.relation_id, {}).get(entry.scope) if entry else None
            if entry and seen and seen['user'] == user:
                return entry.scope
        return ''

    def _drop_strangers(self) -> None:
        """Take off each bag the credentials that no unit of that relation asks for any more."""
        for relation in self._ordered():
            creds = self._creds(relation)
            wanted = {unit: seen['user'] for unit, seen in self._seen().get(relation.relation_id, {}).items()}
            kept = {user: entry for user, entry in creds.items() if wanted.get(entry.scope) == user}
            if kept != creds:
                self._put(relation, 'creds', wire.creds_text(kept))
        groups: dict[str, str] = unitdata.kv().get(self._key('groups')) or {}
        asked = {f'{relation_id} {seen["user"]}' for relation_id, _, seen in self._requests()}
        if not asked.issuperset(groups):
            unitdata.kv().set(self._key('groups'), {key: group for key, group in groups.items() if key in asked})

    def _creds(self, relation: Any) -> dict[str, wire.Credentials]:
        return wire.creds(relation.to_publish_raw).value

    def _publish(self, bag: Mapping[str, str | None]) -> None:
        for relation in self._ordered():
            for key, value in bag.items():
                self._put(relation, key, value or None)

    def _put(self, relation: Any, key: str, value: str | None) -> None:
        raw = relation.to_publish_raw
        if (raw.get(key) or None) != value:
            raw[key] = value

    def _ordered(self) -> list[Any]:
        """Return the relations that can be written to: a breaking one cannot, and needs nothing."""
        broken = hookenv.relation_id() if hookenv.hook_name().endswith('-relation-broken') else None
        relations = [relation for relation in self.relations if relation.relation_id != broken]
        return sorted(relations, key=lambda relation: wire.order(relation.relation_id, ''))

    # ---- memory

    def _seen(self) -> dict[str, dict[str, Seen]]:
        return unitdata.kv().get(self._key('seen')) or {}

    def _waiting(self) -> list[str]:
        return list(unitdata.kv().get(self._key('departed')) or [])

    def _key(self, name: str) -> str:
        return f'interface.{self.endpoint_name}.{name}'


def _is_answered(unit: str, seen: Seen, creds: Mapping[str, wire.Credentials], signed_group: str | None) -> bool:
    """Return whether a request has its answer; `signed_group` is None where another revision signed it."""
    entry = creds.get(seen['user'])
    return entry is not None and entry.is_complete and entry.scope == unit and signed_group in (None, seen['group'])
