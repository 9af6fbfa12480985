"""Whether the agents of add-ons live, as their leases say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Object, resources

from .. import _conditions, _status, _wire
from .._events import Recorder
from .._running import Following
from . import _registrations

_GRACE = 5  # durations without a renewal
_WORDS = {
    'True': ('ManagedClusterAddOnLeaseUpdated', 'the agent of the add-on renews its lease'),
    'False': ('ManagedClusterAddOnLeaseUpdateStopped', 'the agent of the add-on no longer renews its lease'),
    'Unknown': ('ManagedClusterAddOnLeaseNotFound', 'the agent of the add-on has no lease'),
}


def condition(lease: Mapping[str, Any] | None, now: datetime, grace: timedelta) -> dict[str, Any]:
    """Return the condition Available of an add-on with that lease. Computes only."""
    renewed = ((lease or {}).get('spec') or {}).get('renewTime')
    if not renewed:
        status = 'Unknown' if lease is None else 'False'
    else:
        status = 'True' if _wire.moment(renewed) + grace > now else 'False'
    return _conditions.condition(_conditions.ADDON_AVAILABLE, status, *_WORDS[status])


class AddOnLeases:
    """`sync()` looks at the lease of each add-on once."""

    def __init__(
        self,
        cluster: str,
        hub: Client,
        spoke: Client,
        management: Client,
        addons: Following,
        recorder: Recorder,
        duration: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster, self._hub, self._spoke, self._management = cluster, hub, spoke, management
        self._addons, self._recorder = addons, recorder
        self._grace, self._now = _GRACE * duration, now

    async def sync(self) -> float | None:
        """Raises the first thing that went wrong, after all add-ons had their turn."""
        failed: kubernetes.Error | None = None
        for addon in self._addons.cache.all():
            mode = ((addon.get('status') or {}).get('healthCheck') or {}).get('mode')
            if mode == 'Customized':
                continue
            try:
                await self._look(addon)
            except kubernetes.Error as error:
                failed = failed or error
        if failed:
            raise failed
        return None

    async def _look(self, addon: Object) -> None:
        name = addon['metadata']['name']
        where = self._management if _registrations.is_hosted(addon) else self._spoke
        lease = await where.find(resources.LEASES, name, _registrations.install_namespace(addon))
        if lease is None:
            lease = await self._hub.find(resources.LEASES, name, self._cluster)
        wanted = condition(lease, self._now(), self._grace)

        def edit(read: Object) -> Mapping[str, Any]:
            conditions = _conditions.put(_conditions.of(read), wanted, self._now())
            return {**(read.get('status') or {}), 'conditions': conditions}

        if await _status.change(self._hub, _wire.ADDONS, addon, edit):
            text = f'add-on {name} of {self._cluster}: available {wanted["status"]}'
            self._recorder.event('ManagedClusterAddOnStatusUpdated', text)
