"""cdk-addons.apply: brings the cluster's addons where the snap's options want them. Applying twice changes nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import _addons, _client, _program

Json = dict[str, Any]
OPTIONS = (
    'registry', 'dns-ip', 'dns-domain', 'dns-provider', 'enable-kube-dns', 'enable-dashboard', 'enable-metrics',
    'enable-gpu',
)  # fmt: skip
INSECURE = 'http://127.0.0.1:8080'


def main(root: str) -> int:
    """Apply, from a snap's environment; 1 with the reason on stderr if the server refuses or is not there."""
    try:
        client = _client.Client(_access(Path(f'{root}/root/.kube/config')), 'cdk-addons')
        apply(client, _options())
    except (_client.ApiError, _program.Fatal) as error:
        sys.stderr.write(f'error: {error}\n')
        return 1
    return 0


def _access(kubeconfig: Path) -> _client.Access:
    return _client.from_kubeconfig(str(kubeconfig)) if kubeconfig.exists() else _client.Access(INSECURE)


def _options() -> dict[str, str]:
    found = {}
    for name in OPTIONS:
        answer = subprocess.run(['snapctl', 'get', name], capture_output=True, text=True, check=False)
        found[name] = answer.stdout.strip().strip('"')
    return found


def apply(client: _client.Client, options: Mapping[str, str]) -> None:
    """Create or change what is wanted, then delete what has the label and is not."""
    wanted = _addons.manifests(options)
    for obj in wanted:
        _apply_one(client, obj)
    keep = {(_addons.path(obj), obj['metadata']['name']) for obj in wanted}
    for plural, base in _addons.PLACES.items():
        path = f'{base}/namespaces/kube-system/{plural}'
        for obj in client.request('GET', f'{path}?labelSelector=cdk-addons%3Dtrue')['items']:
            if (path, obj['metadata']['name']) not in keep:
                client.request('DELETE', f'{path}/{obj["metadata"]["name"]}')
                sys.stdout.write(f'{plural}/{obj["metadata"]["name"]} deleted\n')


def _apply_one(client: _client.Client, obj: Json) -> None:
    path, name = _addons.path(obj), obj['metadata']['name']
    done = 'configured'
    try:
        client.request('PATCH', f'{path}/{name}', obj, _client.STRATEGIC)
    except _client.ApiError as error:
        if error.code not in (404, 422):
            raise
        if error.code == 422:  # an immutable field changed, as the DNS address: make it anew
            client.request('DELETE', f'{path}/{name}')
        client.request('POST', path, obj)
        done = 'created'
    sys.stdout.write(f'{obj["kind"].lower()}/{name} {done}\n')
