"""The side of the cluster that joins. The endpoint's README tells its states and methods."""

from __future__ import annotations

from charmhelpers.core import hookenv
from charms.reactive import Endpoint, toggle_flag

from . import sealing, wire


class HubRegistrationRequirer(Endpoint):  # type: ignore[misc]  # charms.reactive carries no types
    """Asks a hub to take this cluster in, and opens its answer."""

    def manage_flags(self) -> None:
        toggle_flag(self.expand_name('{endpoint_name}.connected'), self.is_joined)

    def new_key(self) -> str:
        """Return a new private key to ask with: keep it in a file that nobody else reads."""
        return sealing.new_key()

    def ask(self, cluster: str, private_key: str) -> None:
        """Ask for this cluster to be taken in. May be called in every hook; only one unit of a cluster should."""
        self._publish({wire.CLUSTER: cluster, wire.KEY: sealing.public(private_key)})

    def withdraw(self) -> None:
        """Ask for nothing: for units that do not, or no longer, speak for the cluster."""
        self._publish({wire.CLUSTER: None, wire.KEY: None})

    def is_asking(self, cluster: str) -> bool:
        """Tell whether this unit asks for this cluster on all relations, without a look at keys."""
        return all(relation.to_publish_raw.get(wire.CLUSTER) == cluster for relation in self.relations)

    def sealed(self, cluster: str) -> str:
        """Return the hub's sealed answer for the cluster, '' while there is none."""
        answer = self._answer(cluster)
        return answer.sealed if answer else ''

    def is_approved(self, cluster: str) -> bool:
        """Tell whether the hub has accepted the cluster."""
        answer = self._answer(cluster)
        return bool(answer and answer.approved)

    def bootstrap(self, cluster: str, private_key: str) -> str:
        """Return the bootstrap kubeconfig, '' while there is none that this key opens."""
        try:
            sealed = self.sealed(cluster)
            return sealing.unseal(private_key, sealed, cluster) if sealed else ''
        except sealing.Unreadable as error:
            hookenv.log(f'{self.endpoint_name}: the answer for {cluster} is left alone: {error}', hookenv.WARNING)
            return ''

    def _answer(self, cluster: str) -> wire.Answer | None:
        """Return the answer to what this unit asks now; one to an older key is none."""
        for relation in self.relations:
            key = relation.to_publish_raw.get(wire.KEY)
            for unit in relation.joined_units:
                answer = wire.answers(dict(unit.received_raw)).get(hookenv.local_unit())
                if answer and answer.cluster == cluster and answer.key == key:
                    return answer
        return None

    def _publish(self, bag: dict[str, str | None]) -> None:
        for relation in self.relations:
            for key, value in bag.items():
                if (relation.to_publish_raw.get(key) or None) != value:
                    relation.to_publish_raw[key] = value
