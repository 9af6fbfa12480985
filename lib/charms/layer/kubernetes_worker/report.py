"""A door: sets the unit's status at the end of a hook, from one pure function over everything seen."""

from __future__ import annotations

import time

from charmhelpers.core import hookenv
from charms.layer import status as layer_status
from charms.layer.kubernetes_common import options, services, snap_access, snaps
from charms.reactive import data_changed, is_flag_set

from . import inputs, journal, labels, leave, machine, packages, pause, runtime
from . import status as _status
from .upgrade import Step

LOOK_AFTER_S = 1.0  # a daemon that dislikes its arguments or configuration ends within it


def status() -> None:
    """Set the status."""
    if is_flag_set('kubernetes-worker.unit.leaving'):
        layer_status.maintenance('Leaving the cluster')
        return
    facts, seen = inputs.collect(), observed()
    _log([*map(str, facts.problems), *(f'labels: {reason}' for _, reason in seen.labels_invalid)])
    found = _status.status(facts, seen, inputs.app())
    layer_status.status_set(layer_status.WorkloadState(found.state), found.message)


def observed() -> _status.Observed:
    parsed = labels.parse(str(hookenv.config('labels') or ''))
    return _status.Observed(
        failures=[*snap_access.failures, *journal.failures],
        resource=next(iter(journal.resource), ''),
        upgrade=_upgrade(),
        inactive=_inactive(),
        later=journal.later,
        notes=_notes(),
        labels_invalid=[*parsed.problems, *journal.labels_refused],
        labels_waiting=next(iter(journal.labels_waiting), ''),
        paused=pause.is_on(),
    )


def _log(problems: list[str]) -> None:
    """Say once, and in full, what is wrong with the options: a status has room for little."""
    if data_changed('kubernetes-worker.problems', problems):
        for problem in problems:
            hookenv.log(problem, hookenv.WARNING)


def _notes() -> list[str]:
    if runtime.source() == 'nvidia' and not machine.has_nvidia_driver():
        return ['The NVIDIA driver does not answer: no GPU on this node.']
    return []


def _upgrade() -> str:
    try:
        return packages.described() if packages.step(requested=False) is Step.ASK else ''
    except options.Invalid:
        return ''


def _inactive() -> list[str]:
    """Return the daemons that should run and do not; one just started is given the moment it takes to refuse."""
    if journal.started:
        time.sleep(LOOK_AFTER_S)
    started = [name for name in leave.DAEMONS if services.was_started(snaps.daemon(name))]
    down = set(services.inactive([snaps.daemon(name) for name in started]))
    return [name for name in started if snaps.daemon(name) in down]
