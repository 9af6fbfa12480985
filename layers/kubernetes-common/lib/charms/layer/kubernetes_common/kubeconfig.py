"""Kubeconfig files as both charms write them. Computing only."""

from __future__ import annotations

import base64

import yaml


def render(server: str, ca: str, user: str, token: str) -> str:
    """Return a kubeconfig with one cluster, one user and one context, named as the public charms name them.

    Args:
        server: URL of the API server.
        ca: PEM text of the certificate authority; it is embedded.
        user: name of the user inside the file (the API server knows it by its token).
        token: bearer token. The result is a secret: write it with mode 0600.
    """
    document = {
        'apiVersion': 'v1',
        'kind': 'Config',
        'clusters': [
            {
                'name': 'juju-cluster',
                'cluster': {'server': server, 'certificate-authority-data': base64.b64encode(ca.encode()).decode()},
            }
        ],
        'users': [{'name': user, 'user': {'token': token}}],
        'contexts': [{'name': 'juju-context', 'context': {'cluster': 'juju-cluster', 'user': user}}],
        'current-context': 'juju-context',
    }
    return yaml.safe_dump(document, sort_keys=False)
