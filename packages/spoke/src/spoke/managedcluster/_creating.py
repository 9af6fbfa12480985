"""Asks the hub, with the bootstrap credential, to take the cluster in; adds the URLs that it lacks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client

from .. import _wire
from .._events import Recorder

_log = logging.getLogger(__name__)


class ManagedClusterCreating:
    """`sync()` asks once. A bootstrap credential that may not is no failure: a hub certificate may do all the rest."""

    def __init__(
        self,
        cluster: str,
        annotations: dict[str, str],
        urls: Sequence[str],
        ca: bytes,
        client: Callable[[], Client],
        recorder: Recorder,
        note: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._urls, self._ca = urls, ca
        self._client, self._recorder, self._note = client, recorder, note
        self._annotations, dropped = _wire.own_annotations(annotations)
        if dropped:
            _log.warning("these annotations are no agent's to set, and left out: %s", ', '.join(dropped))

    async def sync(self) -> bool:
        """Return whether the hub lets us. Raises what it answers, but for 401 and 403."""
        try:
            await self._sync()
        except (kubernetes.Unauthorized, kubernetes.Forbidden) as error:
            self._note(f'a bootstrap credential that the hub accepts ({error})')
            return False
        self._note('')
        return True

    async def _sync(self) -> None:
        client = self._client()
        found = await client.find(_wire.MANAGED_CLUSTERS, self._cluster)
        if found is None:
            body = _wire.managed_cluster(self._cluster, self._annotations, self._urls, self._ca)
            await client.create(_wire.MANAGED_CLUSTERS, body)
            self._recorder.event('ManagedClusterCreated', f'managed cluster {self._cluster} is created on the hub')
            _log.info('managed cluster %s is created on the hub', self._cluster)
            return
        if changed := _wire.with_urls(found, self._urls, self._ca):
            await client.replace(_wire.MANAGED_CLUSTERS, changed)
            _log.info('managed cluster %s has got all URLs', self._cluster)
