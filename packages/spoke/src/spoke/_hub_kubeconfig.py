"""The kubeconfig of the hub: built from another one, compared with it. Reads the file it is given, and no other."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from aioclustermanager.kubernetes import Configuration, InvalidConfiguration, Tls, kubeconfig

from ._wire import encoded

_LOADER = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)  # of libyaml, where there is one: ten times as fast


@dataclass(frozen=True)
class Hub:
    """How to reach a hub, without who asks."""

    server: str
    proxy: str
    ca: bytes
    server_name: str


def read(path: Path) -> Configuration:
    """Return what the current context of a kubeconfig says. Raises InvalidConfiguration."""
    return kubeconfig.load(path)


def hub(configuration: Configuration) -> Hub:
    """Return where a configuration leads; a CA file is read. Raises InvalidConfiguration."""
    tls = configuration.tls if isinstance(configuration.tls, Tls) else Tls()
    ca = tls.ca
    if not ca and tls.ca_file:
        try:
            ca = Path(tls.ca_file).read_bytes()
        except OSError as error:
            raise InvalidConfiguration(f'cannot read the authorities in {tls.ca_file}: {error.strerror}') from error
    return Hub(configuration.server, configuration.proxy, ca, tls.server_name)


@functools.lru_cache(maxsize=16)  # asked for at each look at the certificate, and most agents have the same hub
def rendered(where: Hub) -> bytes:
    """Return the kubeconfig of the hub secret: certificate and key are files beside it."""
    cluster: dict[str, Any] = {'server': where.server}
    if where.ca:
        cluster['certificate-authority-data'] = encoded(where.ca)
    if where.proxy:
        cluster['proxy-url'] = where.proxy
    if where.server_name:
        cluster['tls-server-name'] = where.server_name
    user = {'client-certificate': 'tls.crt', 'client-key': 'tls.key'}
    context = {'cluster': 'default-cluster', 'user': 'default-auth', 'namespace': 'configuration'}
    document = {
        'apiVersion': 'v1',
        'kind': 'Config',
        'preferences': {},
        'clusters': [{'name': 'default-cluster', 'cluster': cluster}],
        'users': [{'name': 'default-auth', 'user': user}],
        'contexts': [{'name': 'default-context', 'context': context}],
        'current-context': 'default-context',
    }
    return yaml.safe_dump(document, sort_keys=False).encode()


@functools.lru_cache(maxsize=16)
def is_usable(text: bytes) -> bool:
    """Tell whether this is a kubeconfig that leads somewhere."""
    try:
        document = yaml.load(text, _LOADER)  # noqa: S506  (a safe one)
        return isinstance(document, dict) and bool(kubeconfig.configuration(kubeconfig.merged([document])).server)
    except (yaml.YAMLError, UnicodeDecodeError, InvalidConfiguration, AttributeError, KeyError, TypeError):
        return False


def difference(bootstrap: Hub, current: Hub) -> str:
    """Return in what two ways to a hub differ, '' if they lead to the same."""
    for what in ('server', 'proxy', 'ca'):
        if getattr(bootstrap, what) != getattr(current, what):
            return what
    return ''
