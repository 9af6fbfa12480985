"""The small web application that shows whether a cluster works: its objects. Decides only."""

from __future__ import annotations

import ipaddress

from charms.layer.kubernetes_common.things import Thing, make

from . import images, registry

NAMESPACE = 'default'
MARK = 'kubernetes-worker-microbot'
NAME = 'microbot'
INGRESS = 'microbot-ingress'
PORT = 80
DOMAIN = 'nip.io'  # answers for every name that holds an address with that address; xip.io, which did, is gone


def things(
    host: str, replicas: int, *, architecture: str, registry_location: str, workloads: str, ingresses: str
) -> list[Thing]:
    """Return all objects. See `registry.things` for the arguments they share."""
    labels = {'app': NAME}
    image = images.located(f'cdkbot/microbot-{architecture}:latest', registry_location)
    container = {
        'name': NAME,
        'image': image,
        'ports': [{'containerPort': PORT}],
        'livenessProbe': {'httpGet': {'path': '/', 'port': PORT}, 'initialDelaySeconds': 5, 'timeoutSeconds': 30},
    }
    template = {'metadata': {'labels': labels}, 'spec': {'containers': [container]}}
    spec = {'replicas': replicas, 'selector': {'matchLabels': labels}, 'template': template}
    service = {'selector': labels, 'ports': [{'port': PORT, 'targetPort': PORT, 'protocol': 'TCP'}]}
    found = [
        make('deployments', workloads, 'Deployment', NAME, spec=spec),
        make('services', 'v1', 'Service', NAME, spec=service),
        make('ingresses', ingresses, 'Ingress', INGRESS, spec=registry.ingress_spec(host, NAME, PORT, ingresses)),
    ]
    return [registry.marked(thing, MARK, NAMESPACE) for thing in found]


def kinds(workloads: str, ingresses: str) -> list[tuple[str, str]]:
    """Return resource and group of everything that may bear the mark, in the order in which to remove it."""
    return [('ingresses', ingresses), ('services', 'v1'), ('deployments', workloads)]


def host(address: str) -> str:
    """Return the name of the application for a machine's public address, '' if that is no IPv4 address."""
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        return ''
    return f'{NAME}.{address}.{DOMAIN}'
