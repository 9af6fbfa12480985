"""What Ingresses ask for, as servers and locations. Computing only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
Objects = Mapping[tuple[str, str], Object]
PREFIX = 'nginx.ingress.kubernetes.io/'
CLASS = 'kubernetes.io/ingress.class'


@dataclass(frozen=True)
class Settings:
    """The controller's flags."""

    default_backend: tuple[str, str] = ('', '')  # namespace and name of a service
    configuration: tuple[str, str] = ('', '')  # of a ConfigMap
    controller_class: str = 'k8s.io/ingress-nginx'
    ingress_class: str = 'nginx'
    without_class: bool = True  # whether to serve an Ingress that names no class


@dataclass(frozen=True)
class Location:
    path: str
    exact: bool
    addresses: tuple[str, ...]  # of who answers, HOST:PORT
    tls: bool = False  # whether they are spoken to over TLS
    body_size: str = ''  # the most a request may bring


@dataclass(frozen=True)
class Server:
    host: str  # '' is any other
    locations: tuple[Location, ...]
    certificate: tuple[str, str] = ('', '')  # namespace and name of a secret
    redirects: bool = False  # plain requests to TLS


@dataclass
class _Draft:
    locations: dict[tuple[str, bool], Location] = field(default_factory=dict)
    certificate: tuple[str, str] = ('', '')
    redirects: bool = False


def is_ours(ingress: Object, classes: Objects, settings: Settings) -> bool:
    """Return whether this controller is to serve an Ingress."""
    named = (ingress['metadata'].get('annotations') or {}).get(CLASS)
    if named is not None:
        return bool(named == settings.ingress_class)
    wanted = ingress['spec'].get('ingressClassName')
    if wanted is None:
        return settings.without_class
    known = classes.get(('', wanted))
    return known is not None and known['spec'].get('controller') == settings.controller_class


def servers(objects: Mapping[str, Objects], settings: Settings) -> list[Server]:
    """Return what nginx is to serve: each host once, the one for any other host first."""
    fallback = _fallback(objects, settings)
    drafts: dict[str, _Draft] = {'': _Draft()}
    for _, ingress in sorted(objects['ingresses'].items(), key=_age):
        if is_ours(ingress, objects.get('ingressclasses', {}), settings):
            _add(drafts, ingress, objects)
    return [_server(host, draft, fallback) for host, draft in drafts.items()]


def _age(item: tuple[tuple[str, str], Object]) -> tuple[str, tuple[str, str]]:
    """Return what sorts Ingresses: where two ask for the same, the older one has it."""
    key, ingress = item
    return ingress['metadata'].get('creationTimestamp', ''), key


def _fallback(objects: Mapping[str, Objects], settings: Settings) -> Location:
    """Return who answers what nobody asked for."""
    namespace, name = settings.default_backend
    service = objects['services'].get((namespace, name))
    ports = (service or {}).get('spec', {}).get('ports') or [{}]
    return Location('/', False, addresses(namespace, name, ports[0].get('port', 80), objects))


def _server(host: str, draft: _Draft, fallback: Location) -> Server:
    locations = dict(draft.locations)
    locations.setdefault(('/', False), fallback)
    return Server(host, tuple(locations.values()), draft.certificate, draft.redirects)


def _add(drafts: dict[str, _Draft], ingress: Object, objects: Mapping[str, Objects]) -> None:
    spec, namespace = ingress['spec'], ingress['metadata'].get('namespace', '')
    notes = ingress['metadata'].get('annotations') or {}
    whole = spec.get('defaultBackend') or spec.get('backend')
    if whole:
        _locate(drafts, '', {'path': '/', 'backend': whole}, namespace, notes, objects)
    for rule in spec.get('rules') or []:
        for path in (rule.get('http') or {}).get('paths') or []:
            _locate(drafts, rule.get('host', ''), path, namespace, notes, objects)
    for entry in spec.get('tls') or []:
        for host in entry.get('hosts') or []:
            draft = drafts.get(host)
            if draft and (namespace, entry.get('secretName', '')) in objects['secrets']:
                draft.certificate = draft.certificate if any(draft.certificate) else (namespace, entry['secretName'])
                draft.redirects = notes.get(f'{PREFIX}ssl-redirect', 'true') != 'false'


def _locate(
    drafts: dict[str, _Draft],
    host: str,
    path: Object,
    namespace: str,
    notes: Mapping[str, str],
    objects: Mapping[str, Objects],
) -> None:
    name, port = backend(path['backend'])
    exact = path.get('pathType') == 'Exact'
    location = Location(
        path=path.get('path') or '/',
        exact=exact,
        addresses=addresses(namespace, name, port, objects),
        tls=notes.get(f'{PREFIX}backend-protocol', '').upper() == 'HTTPS'
        or notes.get(f'{PREFIX}secure-backends') == 'true',
        body_size=notes.get(f'{PREFIX}proxy-body-size', ''),
    )
    drafts.setdefault(host, _Draft()).locations.setdefault((location.path, exact), location)


def backend(found: Object) -> tuple[str, str | int]:
    """Return service and port, of networking.k8s.io/v1 or of the versions before it."""
    if 'service' in found:
        port = found['service'].get('port') or {}
        return found['service']['name'], port.get('number') or port.get('name', '')
    return found.get('serviceName', ''), found.get('servicePort', '')


def addresses(namespace: str, name: str, port: str | int, objects: Mapping[str, Objects]) -> tuple[str, ...]:
    """Return HOST:PORT of all that are ready to answer on a port of a service."""
    service = objects['services'].get((namespace, name))
    endpoints = objects['endpoints'].get((namespace, name))
    if service is None or endpoints is None:
        return ()
    listed = service['spec'].get('ports') or []
    known = next((each for each in listed if port in (each.get('port'), each.get('name'))), None)
    if known is None:
        return ()
    found = {
        f'{address["ip"]}:{target["port"]}'
        for subset in endpoints.get('subsets') or []
        for target in subset.get('ports') or []
        if target.get('name', '') == known.get('name', '')
        for address in subset.get('addresses') or []
    }
    return tuple(sorted(found))
