"""Which API server a unit talks to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def servers(services: Iterable[Mapping[str, object]]) -> list[str]:
    """Return the URLs of all API servers, sorted and without duplicates, from what the http interface tells."""
    found = set()
    for service in services:
        hosts = service.get('hosts')
        for host in hosts if isinstance(hosts, list) else []:
            url = _url(host)
            if url:
                found.add(url)
    return sorted(found)


def chosen(urls: Sequence[str], unit: int, current: str = '') -> str:
    """Return the server for a unit: the one in use while it is there, else one by the unit's number; '' if none.

    So a unit never moves without need, and many units use all servers.
    """
    if current in urls:
        return current
    return urls[unit % len(urls)] if urls else ''


def _url(host: object) -> str:
    if not isinstance(host, Mapping):
        return ''
    name = str(host.get('hostname') or host.get('private-address') or '').strip()
    port = str(host.get('port') or '').strip()
    if not name or not port.isdigit():
        return ''
    return f'https://[{name}]:{port}' if ':' in name else f'https://{name}:{port}'
