"""The door to what Juju knows of this unit and what it found in this hook; before a join it costs nothing."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import lru_cache

from charmhelpers.core import hookenv, unitdata

from . import membership, settings, status
from .membership import ASKING, JOINED, LEAVING, Membership

LAST_GOOD = 'hub-registration.options'
REPORT = 'hub-registration.report'
MARK = 'Hub: '  # begins what is ours in the unit's status, which ends with it
problems: dict[str, str] = {}  # what went wrong in this hook, by concern; for the status


@lru_cache(maxsize=1)
def options() -> settings.Reading:
    """Return the options of this layer, parsed."""
    store = unitdata.kv()
    last_good = store.get(LAST_GOOD) or {}
    reading = settings.read(hookenv.config(), last_good)
    if reading.valid != last_good:
        store.set(LAST_GOOD, reading.valid)
    return reading


def fault() -> str:
    """Return what only the operator can mend, naming the option where it is one; '' for nothing."""
    return next(map(str, options().faults), '') or problems.get('operator', '')


def line(*, is_leader: bool) -> str:
    """Return what the unit says of its hub, '' for nothing: another unit speaks for the cluster, or it joined none."""
    member = membership.read() if is_leader else Membership()
    if problem := problems.get('cluster', ''):
        return f'{MARK}{problem[:120]}'
    if member.state == JOINED:
        return f'{MARK}{status.line(report(), datetime.now(timezone.utc))}'
    said = {ASKING: 'waiting for its bootstrap credential', LEAVING: 'leaving'}.get(member.state, '')
    return f'{MARK}{said}' if said else ''


def report() -> status.Report:
    """Return what was seen at the last look."""
    return status.Report.of(unitdata.kv().get(REPORT) or {})


def keep_report(found: status.Report | None) -> None:
    """Keep what was seen; a hub that was lost before has been so since then."""
    if found is None:
        unitdata.kv().unset(REPORT)
        return
    if found.step == 'lost' and not found.unreachable_since:
        since = report().unreachable_since or status.stamp(datetime.now(timezone.utc).timestamp())
        found = status.Report.of({**found.document(), 'unreachable_since': since})
    unitdata.kv().set(REPORT, found.document())


def show(found: status.Report) -> None:
    """Keep what an action has seen, and let the unit's status say it: the next look may be minutes away."""
    keep_report(found)
    unitdata.kv().flush()
    state, message = hookenv.status_get()
    before, mark, _ = message.partition(MARK)
    if mark:
        hookenv.status_set(state, f'{before}{mark}{status.line(report(), datetime.now(timezone.utc))}')
