"""Tokens on masters and workers, and whether an API server takes them. No token is ever an argument."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import yaml

from tests.model.cluster import MASTER, Cluster

KNOWN = '/root/cdk/known_tokens.csv'
KUBECONFIGS = {
    'kubelet_token': '/root/cdk/kubeconfig',
    'proxy_token': '/root/cdk/kubeproxyconfig',
    'client_token': '/root/.kube/config',
}
# 401 is a token nobody knows; 403 is a known one that may not do this
ASK = """
import json, ssl, sys, urllib.error, urllib.request
answers = []
for token in json.load(sys.stdin):
    request = urllib.request.Request('https://127.0.0.1:6443/api/v1/namespaces/default')
    request.add_header('Authorization', 'Bearer ' + token)
    try:
        urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=10).close()
        answers.append(200)
    except urllib.error.HTTPError as error:
        answers.append(error.code)
json.dump(answers, sys.stdout)
"""


def creds(cluster: Cluster, unit: str, relation: int | None = None) -> dict[str, dict[str, str]]:
    """Return the credentials in a master unit's bag of a kube-control relation, {} without the key."""
    found: dict[str, dict[str, str]] = json.loads(
        cluster.bag('kube-control', unit, relation).get('creds', '{}') or '"the key is there and empty"'
    )
    return found


def known(cluster: Cluster, master: str = f'{MASTER}/0') -> dict[str, tuple[str, str]]:
    """Return the token file of a master: token to user and uid."""
    rows = csv.reader(cluster.read(master, KNOWN).splitlines())
    return {row[0]: (row[1], row[2]) for row in rows}


def kubeconfig_tokens(cluster: Cluster, unit: str) -> dict[str, str]:
    """Return the tokens in a worker's kubeconfigs by their kind on the wire; without those that have no file."""
    texts = cluster.shell(
        unit, f'for f in {" ".join(KUBECONFIGS.values())}; do cat $f 2>/dev/null; echo; echo ====; done'
    )
    found: dict[str, str] = {}
    for kind, text in zip(KUBECONFIGS, texts.split('====\n'), strict=False):
        document: Any = yaml.safe_load(text)
        if document:
            found[kind] = document['users'][0]['user']['token']
    return found


def accepted(cluster: Cluster, tokens: list[str], master: str = f'{MASTER}/0') -> list[bool]:
    """Tell of each token whether the API server on a master knows it."""
    said = cluster.shell(master, f"python3 -c '{ASK.replace(chr(39), chr(34))}'", stdin=json.dumps(tokens))
    return [code != 401 for code in json.loads(said)]


def files_with(cluster: Cluster, unit: str, tokens: set[str]) -> dict[str, set[str]]:
    """Return what was written on a unit's machine and holds any of these tokens: file to tokens."""
    upper = cluster.folder / 'machines' / cluster.machine(unit) / 'upper'
    found: dict[str, set[str]] = {}
    for folder, _, names in os.walk(upper):
        for file in (Path(folder) / name for name in names):
            if not file.is_symlink() and file.is_file():
                held = {token for token in tokens if token.encode() in file.read_bytes()}
                if held:
                    found[f'/{file.relative_to(upper)}'] = held
    return found
