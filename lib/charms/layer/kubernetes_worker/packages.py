"""A door: the Kubernetes snaps of a worker, wanted and installed."""

from __future__ import annotations

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import options, records, snap_options, snaps

from . import upgrade
from .upgrade import Step

SNAPS = ('kubectl', 'kubelet', 'kube-proxy')
RESOURCES = 'snap-resources'


def learn_resources() -> None:
    """Remember the checksums of the charm's snap resources; they change with attach-resource and upgrade-charm only."""
    records.put(RESOURCES, {name: snaps.resource_checksum(name) for name in SNAPS})


def wanted() -> dict[str, str]:
    """Return the source of each snap that the channel and the resources ask for."""
    channel = snap_options.channel(hookenv.config())
    known = records.get(RESOURCES)
    checksums = known if isinstance(known, dict) else {}
    return {name: snaps.source_of(channel, checksums.get(name, '')) for name in SNAPS}


def installed() -> dict[str, str]:
    return {name: snaps.installed_source(name) if snaps.revision(name) else '' for name in SNAPS}


def step(*, requested: bool) -> Step:
    """Return what is to be done about the snaps now."""
    manual = options.boolean(hookenv.config(), 'require-manual-upgrade')
    return upgrade.step(wanted(), installed(), manual=manual, requested=requested)


def install() -> None:
    """Install or refresh all snaps as wanted.

    Raises:
        snaps.Failed: snapd could not; what is installed stays.
    """
    channel = options.text(hookenv.config(), 'channel')
    for name, source in wanted().items():
        checksum = source.removeprefix('sha256:') if source.startswith('sha256:') else ''
        snaps.install(name, channel, checksum, classic=True)


def described() -> str:
    """Return the wanted source in words."""
    sources = set(wanted().values())
    files = any(source.startswith('sha256:') for source in sources)
    return 'the attached snaps' if files else f'channel {options.text(hookenv.config(), "channel")}'
