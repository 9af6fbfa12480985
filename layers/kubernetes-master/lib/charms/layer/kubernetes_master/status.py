"""The one status of a control-plane unit. Computing only: first reason wins."""

from __future__ import annotations

from dataclasses import dataclass

Status = tuple[str, str]  # state and message


@dataclass(frozen=True)
class Facts:
    """What a unit knows of itself at the end of a hook."""

    leader: bool = True
    option_fault: str = ''  # names the option and the reason
    refused: str = ''  # a worker that got no credentials
    unsupported: tuple[str, ...] = ()  # endpoints that are related and not served yet
    snap_fault: str = ''
    snaps_installed: bool = True
    upgrade_needed: bool = False
    certificates: bool = True  # related
    certificates_saved: bool = True
    etcd: bool = True  # related
    etcd_ready: bool = True
    keys: bool = True  # tokens and the service accounts' key are on this unit
    started: bool = True
    stopped: tuple[str, ...] = ()
    api_fault: str = ''
    cni: bool = True  # related
    cni_available: bool = True
    endpoint: bool = True  # kube-api-endpoint is related
    workers: bool = True
    addons_applied: bool = True
    dns_known: bool = True
    pending_pods: int = 0
    cidr_kept: str = ''  # the service network in force, when the option says another
    hub: str = ''  # what the leader says of the hub that the cluster joined


def status(facts: Facts) -> Status:
    """Return the state and message to show."""
    return next(found for check in CHECKS if (found := check(facts)) is not None)


def _options(facts: Facts) -> Status | None:
    fault = facts.option_fault or facts.refused
    return ('blocked', fault) if fault else None


def _snaps(facts: Facts) -> Status | None:
    if facts.snap_fault:
        return 'blocked', facts.snap_fault
    if not facts.snaps_installed:
        return 'maintenance', 'Installing snaps'
    if facts.upgrade_needed:
        return 'blocked', 'Needs manual upgrade, run the upgrade action'
    return None


def _relations(facts: Facts) -> Status | None:
    missing = [
        name
        for name, related in (('certificates', facts.certificates), ('etcd', facts.etcd), ('cni', facts.cni))
        if not related
    ]
    return ('blocked', f'Missing relation to {", ".join(missing)}') if missing else None


def _inputs(facts: Facts) -> Status | None:
    if not facts.certificates_saved:
        return 'waiting', 'Waiting for certificates'
    if not facts.etcd_ready:
        return 'waiting', 'Waiting for etcd'
    if not facts.keys:
        return 'waiting', "Waiting for the leader's keys and tokens"
    return None


def _services(facts: Facts) -> Status | None:
    if not facts.started:
        return 'maintenance', 'Starting the control plane'
    if facts.stopped:
        return 'blocked', f'Stopped services: {", ".join(facts.stopped)}'
    if facts.api_fault:
        return 'waiting', f'Waiting for the API server: {facts.api_fault[:120]}'
    return None


def _neighbours(facts: Facts) -> Status | None:
    if not facts.cni_available:
        return 'waiting', 'Waiting for CNI plugins to become available'
    if not facts.endpoint:
        return 'blocked', 'Missing relation to kube-api-endpoint'
    if not facts.workers:
        return 'blocked', 'Missing relation to kube-control (workers)'
    return None


def _cluster(facts: Facts) -> Status | None:
    # followers do not deploy addons: what is late there is the leader's to say
    if not facts.leader:
        return None
    if not facts.addons_applied:
        return 'waiting', 'Waiting to retry addon deployment'
    if not facts.dns_known:
        return 'waiting', 'Waiting for the cluster DNS service'
    if facts.pending_pods:
        plural = '' if facts.pending_pods == 1 else 's'
        return 'waiting', f'Waiting for {facts.pending_pods} kube-system pod{plural} to start'
    return None


def _done(facts: Facts) -> Status:
    message = 'Kubernetes master running.'
    if facts.unsupported:
        message += f' Not served yet: {", ".join(facts.unsupported)}'
    elif facts.cidr_kept:
        message = f'WARN: cannot change service-cidr, still using {facts.cidr_kept}'
    return 'active', f'{message.rstrip(".")}. {facts.hub}' if facts.hub else message


CHECKS = (_options, _snaps, _relations, _inputs, _services, _neighbours, _cluster, _done)
