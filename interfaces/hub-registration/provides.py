"""The hub's side. The endpoint's README tells its states and methods."""

from __future__ import annotations

from typing import Any

from charmhelpers.core import hookenv
from charms.reactive import Endpoint, toggle_flag

from . import sealing, wire


class HubRegistrationProvider(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    """Hears which clusters want to join, and hands each a credential that only it can read."""

    def manage_flags(self) -> None:
        self._drop_strangers()
        toggle_flag(self.expand_name('{endpoint_name}.connected'), self.is_joined)
        toggle_flag(self.expand_name('{endpoint_name}.requested'), bool(self.unanswered()))

    def requests(self) -> list[wire.Request]:
        """Return who asks: unit, cluster and key, answered or not. A name that two relations claim is the first's."""
        found: dict[str, tuple[str, wire.Request]] = {}
        for relation in self._ordered():
            for request in self._asked(relation):
                holder, _ = found.setdefault(request.cluster, (relation.relation_id, request))
                if holder != relation.relation_id:
                    why = 'another relation has this name'
                    hookenv.log(f'{self.endpoint_name}: no answer for {request.cluster} to {request.unit}: {why}')
        return [request for _, request in found.values()]

    def unanswered(self) -> list[wire.Request]:
        """Return those of `requests` whose answer is missing, or sealed to a key that they no longer have."""
        answers = {
            unit: answer
            for relation in self._ordered()
            for unit, answer in wire.answers(relation.to_publish_raw).items()
        }
        return [request for request in self.requests() if not _fits(answers.get(request.unit), request)]

    def answer(self, request: wire.Request, kubeconfig: str) -> None:
        """Send a bootstrap kubeconfig for this cluster alone, sealed to the key it asked with."""
        try:
            sealed = sealing.seal(request.key, kubeconfig, request.cluster)
        except sealing.Unreadable as error:
            hookenv.log(f'{self.endpoint_name}: no answer to {request.unit}: {error}', hookenv.WARNING)
            return
        self._change(request.unit, wire.Answer(request.cluster, request.key, sealed))
        self.manage_flags()

    def approve(self, cluster: str, approved: bool = True) -> None:
        """Tell the cluster that it is accepted: after it was, on the hub."""
        for relation in self._ordered():
            for unit, answer in wire.answers(relation.to_publish_raw).items():
                if answer.cluster == cluster and answer.approved != approved:
                    self._change(unit, wire.Answer(answer.cluster, answer.key, answer.sealed, approved))

    def _change(self, unit: str, answer: wire.Answer) -> None:
        for relation in self._ordered():
            if unit in relation.joined_units.keys():  # noqa: SIM118 -- a KeyList
                self._put(relation, {**wire.answers(relation.to_publish_raw), unit: answer})

    def _drop_strangers(self) -> None:
        """Take off each bag the answers to what nobody asks any more."""
        for relation in self._ordered():
            asked = {request.unit: request for request in self._asked(relation)}
            answers = wire.answers(relation.to_publish_raw)
            kept = {unit: answer for unit, answer in answers.items() if unit in asked and _fits(answer, asked[unit])}
            if kept != answers:
                self._put(relation, kept)

    def _asked(self, relation: Any) -> list[wire.Request]:
        found = (wire.request(unit.unit_name, dict(unit.received_raw)) for unit in relation.joined_units)
        return sorted((request for request in found if request), key=lambda request: request.unit)

    def _put(self, relation: Any, answers: dict[str, wire.Answer]) -> None:
        relation.to_publish_raw[wire.ANSWERS] = wire.answers_text(answers) or None

    def _ordered(self) -> list[Any]:
        """Return the relations that can be written to: a breaking one cannot."""
        broken = hookenv.relation_id() if hookenv.hook_name().endswith('-relation-broken') else None
        relations = [relation for relation in self.relations if relation.relation_id != broken]
        return sorted(relations, key=lambda relation: int(relation.relation_id.rpartition(':')[2]))


def _fits(answer: wire.Answer | None, request: wire.Request) -> bool:
    return answer is not None and (answer.cluster, answer.key) == (request.cluster, request.key)
