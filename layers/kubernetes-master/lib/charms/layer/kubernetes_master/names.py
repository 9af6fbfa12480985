"""Names and addresses of the control plane. Computing only."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def service_ip(network: Network) -> str:
    """Return the address of the service `kubernetes`: the first of the network."""
    return str(network[1])


def dns_ip(network: Network) -> str:
    """Return the address cluster DNS asks for: the tenth of the network."""
    return str(network[10])


def sans(addresses: Iterable[str], hostname: str, network: Network, domain: str, extra: Iterable[str]) -> list[str]:
    """Return the names in the API server's certificate, sorted: an authority takes another order for a new request."""
    services = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc']
    names = [*addresses, hostname, service_ip(network), *services]
    names += [f'kubernetes.{domain}', f'kubernetes.default.svc.{domain}', *extra]
    return sorted({name for name in names if name})
