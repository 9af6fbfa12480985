"""Cluster addresses and node ports of services. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import _statuses

Json = dict[str, Any]
_RESERVED = 17  # the first addresses are left to who asks for one by name: DNS has network + 10


@dataclass(frozen=True)
class Ranges:
    services: ipaddress.IPv4Network | ipaddress.IPv6Network
    node_ports: range


def allocated(service: Json, others: Iterable[Json], ranges: Ranges) -> Json:
    """Return the service with an address and node ports that no other has; raises 422 for a bad or taken wish."""
    spec = dict(service['spec'])
    others = [other['spec'] for other in others if other['metadata']['uid'] != service['metadata']['uid']]
    used = {other.get('clusterIP') for other in others}
    if spec['type'] != 'ExternalName' and not spec.get('clusterIP'):
        spec['clusterIP'] = _free(ranges, used)
    elif spec.get('clusterIP') not in (None, '', 'None'):
        _check(service, spec['clusterIP'], ranges, used)
    if spec['type'] in ('NodePort', 'LoadBalancer'):
        ports = {port.get('nodePort') for other in others for port in other.get('ports') or []}
        spec['ports'] = [_with_node_port(service, port, ranges, ports) for port in spec['ports']]
    return {**service, 'spec': spec}


def _free(ranges: Ranges, used: set[str | None]) -> str:
    hosts = ranges.services
    for index in (*range(_RESERVED, hosts.num_addresses - 1), *range(2, min(_RESERVED, hosts.num_addresses - 1))):
        if (address := str(hosts[index])) not in used:
            return address
    raise _statuses.StatusError(500, 'Internal error occurred: failed to allocate a serviceIP: range is full')


def _check(service: Json, address: str, ranges: Ranges, used: set[str | None]) -> None:
    try:
        inside = ipaddress.ip_address(address) in ranges.services
    except ValueError as error:
        wrong = "must be empty, 'None', or a valid IP address"
        raise _invalid(service, 'spec.clusterIP', address, wrong) from error
    if not inside:
        wrong = f'provided IP is not in the valid range. The range of valid IPs is {ranges.services}'
        raise _invalid(service, 'spec.clusterIP', address, wrong)
    if address in used:
        raise _invalid(service, 'spec.clusterIP', address, 'provided IP is already allocated')


def _with_node_port(service: Json, port: Json, ranges: Ranges, used: set[int | None]) -> Json:
    number = port.get('nodePort') or next(number for number in ranges.node_ports if number not in used)
    if number not in ranges.node_ports:
        valid = f'{ranges.node_ports.start}-{ranges.node_ports.stop - 1}'
        wrong = f'provided port is not in the valid range. The range of valid ports is {valid}'
        raise _invalid(service, 'spec.ports[0].nodePort', number, wrong)
    if number in used:
        raise _invalid(service, 'spec.ports[0].nodePort', number, 'provided port is already allocated')
    used.add(number)
    return {**port, 'nodePort': number}


def _invalid(service: Json, field: str, value: object, wrong: str) -> _statuses.StatusError:
    shown = f'"{value}"' if isinstance(value, str) else value
    return _statuses.invalid('', 'Service', service['metadata']['name'], [(field, f'Invalid value: {shown}: {wrong}')])
