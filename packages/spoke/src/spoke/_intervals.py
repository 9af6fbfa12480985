"""The intervals of an agent, as its start found them in the variables of the package."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from datetime import timedelta

_HOUR, _MINUTE, _SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@dataclass(frozen=True)
class Intervals:
    """How often, how long. The variables of the package have the same names."""

    controller_resync_interval: timedelta = 5 * _MINUTE  # certificate machines, hub secret to files
    creating_controller_sync_interval: timedelta = _HOUR  # times 1 to 2, drawn once
    recreation_delay: timedelta = 30 * _SECOND  # after the hub's ManagedCluster is gone
    addon_lease_controller_sync_interval: timedelta = 30 * _SECOND
    addon_lease_controller_lease_duration_seconds: timedelta = _MINUTE  # five of them are the grace of an add-on
    addon_registration_sync_interval: timedelta = 10 * _MINUTE
    client_cert_health_check_interval: timedelta = 30 * _SECOND
    bootstrap_poll_interval: timedelta = _SECOND
    denied_request_backoff: timedelta = 2 * _MINUTE  # doubles with each denial, up to an hour
    terminate_on_files_interval: timedelta = 10 * _SECOND
    retry_first: timedelta = timedelta(milliseconds=50)  # doubles with each failure
    retry_longest: timedelta = 5 * _SECOND  # hub, spoke or management away: heard again within this
    call_timeout: timedelta = 10 * _SECOND  # of one request


def current() -> Intervals:
    """Return what the package's variables say now."""
    package = sys.modules[__package__ or 'spoke']
    return Intervals(**{field.name: getattr(package, field.name) for field in fields(Intervals)})
