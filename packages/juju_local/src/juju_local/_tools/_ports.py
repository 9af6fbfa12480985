"""open-port, close-port, opened-ports. Buffered; opened-ports shows the ports as they were when the hook began."""

from __future__ import annotations

import dataclasses
import re

from juju_local import _flush
from juju_local._state import PortRange
from juju_local._tools._call import Call, FailureError, MisuseError
from juju_local._tools._tool import SMART, Flag, Tool

SYNTAX = re.compile(r'(\d+)(?:-(\d+))?(?:/(\w+))?')
ENDPOINTS = Flag(('endpoints',), 'a comma-delimited list of application endpoints to target with this operation')


def parse(text: str) -> PortRange:
    """Return a port range from `P`, `P/proto`, `A-B`, `A-B/proto` or `icmp`."""
    lowered = text.lower()
    if lowered == 'icmp':
        return PortRange(-1, -1, 'icmp')
    match = SYNTAX.fullmatch(lowered)
    if match is None:
        raise MisuseError(f'expected <port>[/<protocol>] or <from>-<to>[/<protocol>] or icmp; got "{text}"')
    first, last, protocol = match[1], match[2] or match[1], match[3] or 'tcp'
    for number in (first, last):
        if not 1 <= int(number) <= 65535:
            raise MisuseError(f'port must be in the range [1, 65535]; got "{number}"')
    if int(first) > int(last):
        raise MisuseError(f'invalid port range {first}-{last}/{protocol}; expected fromPort <= toPort')
    if protocol not in ('tcp', 'udp'):
        raise MisuseError(f'protocol must be "tcp", "udp", or "icmp"; got "{protocol}"')
    return PortRange(int(first), int(last), protocol)


def described(port: PortRange) -> str:
    if port.protocol == 'icmp':
        return 'icmp'
    span = str(port.from_port) if port.from_port == port.to_port else f'{port.from_port}-{port.to_port}'
    return f'{span}/{port.protocol}'


def _ranges(call: Call) -> list[PortRange]:
    if not call.arguments:
        raise MisuseError('no port or range specified')
    port = parse(call.arguments[0])
    names = [name.strip() for name in call.text('endpoints').split(',') if name.strip()]
    for name in names:
        if name not in call.charm.endpoints and name not in call.charm.extra_bindings:
            raise FailureError(f'cannot {call.tool.replace("-", " ")}: application has no endpoint "{name}"')
    return [dataclasses.replace(port, endpoint='' if name == '*' else name) for name in names or ['*']]


def _open(call: Call) -> None:
    for port in _ranges(call):
        _check(call, port, 'open')
        if port in call.context.closes:
            call.context.closes.remove(port)
        if port not in call.context.opens:
            call.context.opens.append(port)


def _close(call: Call) -> None:
    for port in _ranges(call):
        _check(call, port, 'close')
        if port in call.context.opens:
            call.context.opens.remove(port)
        if port not in call.context.closes:
            call.context.closes.append(port)


def _check(call: Call, port: PortRange, verb: str) -> None:
    """Refuse a range that overlaps another one: an unequal one of this unit, for open any of a neighbour."""
    own = _flush.ports_after(call.unit.ports, call.context)
    for other in own:
        if _overlap(port, other) and _span(port) != _span(other):
            later = ' requested earlier' if other in call.context.opens else ''
            raise _conflict(call, verb, port, other, call.context.unit, later)
    if verb == 'close':
        return
    for unit in call.model.units.values():
        if unit.machine != call.unit.machine or unit.name == call.context.unit:
            continue
        for other in unit.ports:
            if _overlap(port, other):
                raise _conflict(call, verb, port, other, unit.name, '')


def _conflict(call: Call, verb: str, port: PortRange, other: PortRange, owner: str, later: str) -> FailureError:
    return FailureError(
        f'cannot {verb} {described(port)} (unit "{call.context.unit}"): '
        f'port range conflicts with {described(other)} (unit "{owner}"){later}'
    )


def _overlap(one: PortRange, other: PortRange) -> bool:
    if one.protocol != other.protocol or one.protocol == 'icmp':
        return False
    return one.from_port <= other.to_port and other.from_port <= one.to_port


def _span(port: PortRange) -> tuple[int, int]:
    return port.from_port, port.to_port


def _opened(call: Call) -> list[str]:
    by_range: dict[str, list[str]] = {}
    for port in call.context.opened:
        by_range.setdefault(described(port), []).append(port.endpoint or '*')
    if call.switch('endpoints'):
        return [f'{name} ({", ".join(sorted(endpoints))})' for name, endpoints in by_range.items()]
    return list(by_range)


TOOLS = (
    Tool(
        'open-port',
        '[options] <port>[/<protocol>] or <from>-<to>[/<protocol>] or icmp',
        'Register a request to open a port or port range.',
        _open,
        (ENDPOINTS,),
        most=1,
        ignores_format=True,
    ),
    Tool(
        'close-port',
        '[options] <port>[/<protocol>] or <from>-<to>[/<protocol>] or icmp',
        'Register a request to close a port or port range.',
        _close,
        (ENDPOINTS,),
        most=1,
        ignores_format=True,
    ),
    Tool(
        'opened-ports',
        '[options]',
        'List all ports or port ranges opened by the unit.',
        _opened,
        (Flag(('endpoints',), 'display the list of target application endpoints for each port range', True),),
        SMART,
        0,
    ),
)
