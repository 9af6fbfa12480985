"""Keeping what a hook wrote, all or nothing. Pure; touches what it changes."""

from __future__ import annotations

from juju_local import _context, _relations
from juju_local._context import HookContext
from juju_local._errors import FlushError
from juju_local._state import Model, PortRange

STATE_KEY_BYTES = 256  # Juju's quotas for charm state (core/quota), model defaults
STATE_VALUE_BYTES = 65536
STATE_TOTAL_BYTES = 2097152


def flush(model: Model, context: HookContext) -> None:
    """Apply what the context buffered: relation settings, ports, charm state.

    Raises:
        FlushError: something cannot be applied; then nothing is.
    """
    state = _state(model, context)
    _check_leadership(model, context)
    for (relation_id, name), writes in context.relation_writes.items():
        if relation_id in model.relations:
            _write_bag(model, context, relation_id, name, writes)
    unit = model.units[context.unit]
    ports = ports_after(unit.ports, context)
    if (unit.ports, unit.state) != (ports, state):
        unit.ports, unit.state = ports, state
        model.touch('unit', unit.name)


def ports_after(ports: list[PortRange], context: HookContext) -> list[PortRange]:
    """Return a unit's open ports with this hook's opens, then its closes, applied."""
    kept = [*ports, *(port for port in context.opens if port not in ports)]
    kept = [port for port in kept if port not in context.closes]
    return sorted(kept, key=lambda port: (port.protocol, port.from_port, port.to_port, port.endpoint))


def _check_leadership(model: Model, context: HookContext) -> None:
    names = [name for _, name in context.relation_writes if name == context.app]
    if names and not _context.is_leader(model, context):
        raise FlushError(
            f'cannot apply changes: cannot write the settings of application {context.app}: {context.unit} is not the '
            'leader any more'
        )


def _state(model: Model, context: HookContext) -> dict[str, str]:
    state = dict(model.units[context.unit].state)
    for key, value in context.state_writes.items():
        if value is None:
            state.pop(key, None)
            continue
        if len(key.encode()) > STATE_KEY_BYTES or len(value.encode()) > STATE_VALUE_BYTES:
            raise FlushError(f'cannot apply changes: charm state: quota exceeded by key "{key[:64]}"')
        state[key] = value
    if sum(len(key.encode()) + len(value.encode()) for key, value in state.items()) > STATE_TOTAL_BYTES:
        raise FlushError(f'cannot apply changes: charm state: more than {STATE_TOTAL_BYTES} bytes')
    return state


def _write_bag(model: Model, context: HookContext, relation_id: int, name: str, writes: dict[str, str]) -> None:
    bag = model.bag(relation_id, name)
    data = _context.overlaid(bag.data, writes)
    if data == _context.overlaid(bag.data, {}):
        return
    bag.data = data
    bag.version += 1
    model.touch('bag', f'{relation_id}/{name}')
    local = model.units[context.unit].agent.relations.get(relation_id)
    if name == context.app and local is not None and _relations.is_peer(model.relations[relation_id]):
        local.app_versions[name] = bag.version  # the writer is not told of what it wrote itself
        model.touch('unit', context.unit)
