"""A hub beside a cluster (the stand-in, a charm of the model), and what the cluster has of a join."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.model.access import KNOWN
from tests.model.cluster import MASTER, Cluster
from tests.model.parties import units

NAMESPACE, FOLDER = 'open-cluster-management-agent', '/root/cdk/hub-registration'
OURS = f'app.kubernetes.io/managed-by={MASTER}-hub-registration'
SERVICE, APISERVER = 'hub-registration', 'snap.kube-apiserver.daemon'
METRICS = """\
import ssl, urllib.request
context = ssl._create_unverified_context()
print(urllib.request.urlopen("https://127.0.0.1:18443/metrics", context=context, timeout=20).read().decode())
"""


class Hub:
    """The stand-in of a hub beside a cluster, as its administrator sees it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def say(self, words: str) -> str:
        return self.cluster.shell('hub/0', f'hub {words}')

    def get(self, what: str) -> Any:
        return json.loads(self.say(f'kubectl get {what} -o json'))

    def condition(self, kind: str, what: str = 'status') -> str:
        conditions = self.get('managedcluster edge-7').get('status', {}).get('conditions', [])
        return next((str(each[what]) for each in conditions if each['type'] == kind), '')

    def renewed(self) -> str:
        return str(self.get('lease managed-cluster-lease -n edge-7')['spec']['renewTime'])

    def requests(self) -> int:
        return len(self.get('csr')['items'])

    def let_in(self, unit: str, params: Path) -> None:
        """Have the cluster join, and let it in; until it is available."""
        params.write_text(self.cluster.read('hub/0', '/root/hub/join.yaml'))
        joined = action(self.cluster, unit, 'join-hub', '--params', str(params))
        assert joined['step'] == 'approval'
        self.say('approve edge-7')
        self.say('accept edge-7')
        assert self.cluster.eventually(lambda: self.condition('ManagedClusterConditionAvailable') == 'True')
        cpus = nodes_cpus(self.cluster)
        assert cpus and self.cluster.eventually(
            lambda: self.get('managedcluster edge-7')['status']['capacity']['cpu'] == str(cpus)
        )


def ended(cluster: Cluster, unit: str, *words: str) -> dict[str, Any]:
    """Run an action; returns how it ended."""
    said = cluster.juju('--quiet', 'run-action', unit, *words, '--wait=4m', '--format', 'json')
    return dict(next(iter(json.loads(said).values())))


def action(cluster: Cluster, unit: str, *words: str) -> dict[str, str]:
    """Run an action; returns its results."""
    result = ended(cluster, unit, *words)
    assert result['status'] == 'completed', result
    return dict(result['results'])


def why_not(cluster: Cluster, unit: str, *words: str) -> str:
    """Run an action that fails; returns why."""
    result = ended(cluster, unit, *words)
    assert result['status'] == 'failed', result
    return str(result['message'])


def figure(cluster: Cluster, unit: str, name: str) -> float:
    """Return one of the agent's figures, 0 where it has none of this name."""
    text = cluster.shell(unit, f"python3 -c '{METRICS}'")
    return sum(float(value) for value in re.findall(rf'^{re.escape(name)} (\S+)$', text, re.MULTILINE))


def nodes_cpus(cluster: Cluster) -> int:
    return sum(
        int(node['status']['capacity']['cpu']) for node in cluster.kubectl('get', 'nodes', '-o', 'json')['items']
    )


def remains(cluster: Cluster) -> dict[str, list[str]]:
    """Return what joining made, on masters and in the cluster."""
    found = {}
    for unit in units(cluster, MASTER):
        listed = (
            f'ls -d {FOLDER} /etc/systemd/system/{SERVICE}.service 2>/dev/null; grep {SERVICE} {KNOWN} | cut -c 1-4'
        )
        found[unit] = cluster.shell(unit, listed, check=False).split()
    kinds = 'namespaces,secrets,serviceaccounts,customresourcedefinitions'
    kinds += ',clusterroles,clusterrolebindings,roles,rolebindings'
    for item in cluster.kubectl('get', kinds, '-A', '-o', 'json')['items']:
        name = item['metadata']['name']
        where = item['metadata'].get('namespace', name)
        if where == NAMESPACE or SERVICE in name or name.endswith('open-cluster-management.io'):
            found.setdefault(item['kind'], []).append(name)
    return {key: value for key, value in found.items() if value}


def own_token(cluster: Cluster, unit: str) -> str:
    """Return the agent's token for its own cluster."""
    return str(yaml.safe_load(cluster.read(unit, f'{FOLDER}/kubeconfig'))['users'][0]['user']['token'])
