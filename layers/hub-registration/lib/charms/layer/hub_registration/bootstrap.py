"""A hub's bootstrap kubeconfig as an operator gives it: all that is needed is in it. Computing only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import yaml

CREDENTIALS = (('token',), ('client-certificate-data', 'client-key-data'))
FILES = ('certificate-authority', 'client-certificate', 'client-key', 'tokenFile')


class Unusable(Exception):
    """The kubeconfig cannot be used; the text says why and quotes nothing of it."""


def checked(text: str) -> str:
    """Return the current context of a kubeconfig, and nothing else of it, as a kubeconfig. Raises Unusable."""
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unusable('it is no YAML') from error
    if not isinstance(document, dict):
        raise Unusable('it is no kubeconfig')
    name = document.get('current-context')
    context = _named(document, 'contexts', name, 'context')
    cluster = _named(document, 'clusters', context.get('cluster'), 'cluster')
    user = _named(document, 'users', context.get('user'), 'user')
    _check_server(str(cluster.get('server') or ''))
    for key in FILES:
        if cluster.get(key) or user.get(key):
            raise Unusable(f'{key} names a file, which this machine does not have: put its content in ({key}-data)')
    if not any(all(user.get(key) for key in keys) for keys in CREDENTIALS):
        raise Unusable('its user has neither a token nor a client certificate with its key')
    made = {
        'apiVersion': 'v1',
        'kind': 'Config',
        'clusters': [{'name': 'hub', 'cluster': cluster}],
        'users': [{'name': 'bootstrap', 'user': user}],
        'contexts': [{'name': 'bootstrap', 'context': {'cluster': 'hub', 'user': 'bootstrap'}}],
        'current-context': 'bootstrap',
    }
    return str(yaml.safe_dump(made, sort_keys=True))


def _named(document: dict[str, Any], section: str, name: object, inside: str) -> dict[str, Any]:
    entries = document.get(section)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and name and entry.get('name') == name and isinstance(entry.get(inside), dict):
            return dict(entry[inside])
    raise Unusable(f'its current context needs one of its {section}, which is not there')


def _check_server(url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme == 'https' and bool(parts.hostname) and parts.port is not False
    except ValueError:
        fine = False
    if not fine:
        raise Unusable('its server is no https URL')
