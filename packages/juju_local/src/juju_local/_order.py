"""Which units go first where Juju leaves it open. Pure; changes nothing.

A `relation-changed` tells the newest settings, however many writes came before it. So the fewest hooks are run when
everybody has written all he has to write before the first hears of it (`chosen`). With a seed the dice decide instead,
so that another seed shows another order (`drawn`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import IntEnum
from operator import itemgetter

from juju_local import _relations, _resolver
from juju_local._operation import Operation
from juju_local._state import Model, Unit

PATIENCE_S = 10.0  # a hook that has run longer is not waited for: it may itself wait for what we hold back


class Urgency(IntEnum):
    """When an operation is best run; all of them are right at once."""

    NOW = 0
    NEWS = 1  # after what comes now: others may be about to ask for something that adds to it
    PREMATURE = 2  # when nothing else runs: more of it is being written


def chosen(
    model: Model, names: Sequence[str], free: Collection[str], slots: int, now: float, *, busy: bool
) -> list[Operation]:
    """Return up to `slots` operations to begin now, one a machine, so that few hooks are needed in all.

    Args:
        names: all units; of equals the earlier comes first.
        free: the machines that run and on which nothing is under way.
        busy: something is under way elsewhere, so what is premature can still wait.
    """
    found: list[Operation] = []
    later: list[tuple[Urgency, Operation]] = []
    left = set(free)
    for operation in _next_of(model, sorted(names, key=lambda name: _precedence(model.units[name])), left, now):
        if len(found) >= slots:
            return found
        if (when := urgency(model, operation, free, now)) is not Urgency.NOW:
            later.append((when, operation))
            continue
        found.append(operation)
        left.discard(model.units[operation.unit].machine)
    for when, operation in sorted(later, key=itemgetter(0)):
        machine = model.units[operation.unit].machine
        if len(found) >= slots or (when is Urgency.PREMATURE and (busy or found)):
            break
        if machine in left:
            found.append(operation)
            left.discard(machine)
    return found


def drawn(model: Model, names: Sequence[str], free: Collection[str], slots: int, now: float) -> list[Operation]:
    """Return up to `slots` operations to begin now, one a machine, simply in the order of the names."""
    found: list[Operation] = []
    left = set(free)
    for operation in _next_of(model, names, left, now):
        if len(found) >= slots:
            break
        found.append(operation)
        left.discard(model.units[operation.unit].machine)
    return found


def urgency(model: Model, operation: Operation, free: Collection[str], now: float) -> Urgency:
    """Return when to run what is next for a unit; `free` are the machines on which more could be begun now."""
    hook = operation.hook
    if operation.kind != 'hook' or hook is None or hook.kind != 'relation-changed' or not hook.remote_unit:
        return Urgency.NOW
    writer, relation = model.units.get(hook.remote_unit), model.relations.get(hook.relation_id or 0)
    if writer is None or relation is None:
        return Urgency.NOW
    readers = sum(name.partition('/')[0] == model.units[operation.unit].app for name in relation.in_scope)
    writers = sum(name.partition('/')[0] == writer.app for name in relation.in_scope)
    if writers >= readers or _relations.is_container(relation):
        return Urgency.NOW  # he who is heard by fewer waits for nobody: so no two wait for each other
    if writer.agent.pending is not None:
        writes = not writer.agent.failed and now - writer.agent_status.since < PATIENCE_S
    else:
        writes = writer.machine in free and _resolver.next_operation(model, writer.name, now) is not None
    return Urgency.PREMATURE if writes else Urgency.NEWS


def _next_of(model: Model, names: Iterable[str], free: Collection[str], now: float) -> Iterator[Operation]:
    for name in names:
        if model.units[name].machine in free:
            operation = _resolver.next_operation(model, name, now)
            if operation is not None:
                yield operation


def _precedence(unit: Unit) -> tuple[bool, int, int]:
    """Return what sorts units: new ones, then those whom most others hear, then those that have run fewest hooks."""
    heard_by = max((len(local.members) for local in unit.agent.relations.values()), default=0)
    return unit.agent.started, -heard_by, unit.agent.hooks
