"""A deployed cluster joins a hub: the walk-through as the docs have it, and what it does when its leader changes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.model import console
from tests.model.access import KNOWN, files_with
from tests.model.cluster import CLIENT, MASTER, ROOT, Cluster
from tests.model.parties import act, units

pytestmark = pytest.mark.slow

NAMESPACE, FOLDER = 'open-cluster-management-agent', '/root/cdk/hub-registration'
OURS = f'app.kubernetes.io/managed-by={MASTER}-hub-registration'
SERVICE, APISERVER = 'hub-registration', 'snap.kube-apiserver.daemon'
METRICS = """\
import ssl, urllib.request
context = ssl._create_unverified_context()
print(urllib.request.urlopen("https://127.0.0.1:18443/metrics", context=context, timeout=20).read().decode())
"""


@pytest.fixture
def shell(cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    """The environment of a user of this cluster, to whom `juju` is juju-local."""
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin/juju').symlink_to(CLIENT)
    (tmp_path / 'companions').symlink_to(ROOT / 'companions')
    path = f'{tmp_path}/bin:{CLIENT.parent}:{os.environ["PATH"]}'
    return {**os.environ, 'PATH': path, 'JUJU_LOCAL_DATA': str(cluster.data), 'TZ': 'UTC'}


def test_the_page_of_a_join_prints_what_it_says(shell: dict[str, str], tmp_path: Path) -> None:
    console.check(ROOT / 'docs/howto/join-a-deployed-cluster.md', tmp_path, shell)


class Hub:
    """The stand-in of a hub beside three masters, as its administrator sees it."""

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


@pytest.fixture
def hub(masters: Cluster) -> Iterator[Hub]:
    act(masters, 'deploy', str(ROOT / 'companions/hub-standin'), 'hub')
    act(masters, 'config', MASTER, 'hub-cluster-name=edge-7')
    yield Hub(masters)


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


def put_back(cluster: Cluster, unit: str) -> None:
    """Leave the leader as revisions did that gave the agent a line of the token file."""
    cluster.shell(
        unit,
        f'echo former-token,{SERVICE},{SERVICE} >> {KNOWN};'
        f" sed -i 's/token: .*/token: former-token/' {FOLDER}/kubeconfig;"
        """ echo '{"cluster": "edge-7", "state": "", "fault": ""}' > /var/lib/canonical-kubernetes/hub-objects.json""",
    )


def test_the_agent_goes_on_with_the_next_leader_and_leaves_nothing(masters: Cluster, hub: Hub, tmp_path: Path) -> None:
    old, new = f'{MASTER}/0', f'{MASTER}/1'
    before, servers = remains(masters), {unit: masters.pid(unit, APISERVER) for unit in units(masters, MASTER)}
    params = tmp_path / 'join.yaml'
    params.write_text(masters.read('hub/0', '/root/hub/join.yaml'))
    joined = action(masters, old, 'join-hub', '--params', str(params))
    assert joined['step'] == 'approval'
    hub.say('approve edge-7')
    hub.say('accept edge-7')
    assert masters.eventually(lambda: hub.condition('ManagedClusterConditionAvailable') == 'True')
    cpus = nodes_cpus(masters)
    assert cpus and masters.eventually(
        lambda: hub.get('managedcluster edge-7')['status']['capacity']['cpu'] == str(cpus)
    )

    hub.say("""kubectl patch managedcluster edge-7 --type merge -p '{"spec":{"leaseDurationSeconds":5}}'""")
    agent, requests = masters.pid(old, SERVICE), hub.requests()
    available = hub.condition('ManagedClusterConditionAvailable', 'lastTransitionTime')
    certificate = masters.digest(old, f'{FOLDER}/hub/tls.crt')
    rotated = action(masters, old, 'rotate-hub-certificate')
    assert masters.digest(old, f'{FOLDER}/hub/tls.crt') != certificate
    said = masters.shell(old, f'openssl x509 -in {FOLDER}/hub/tls.crt -noout -serial')
    assert said == f'serial={rotated["certificate-serial"]}\n'
    renewed = hub.renewed()
    assert masters.eventually(lambda: hub.renewed() > renewed)
    assert (masters.pid(old, SERVICE), hub.requests()) == (agent, requests + 1)
    assert figure(masters, old, 'spoke_lease_renewals_total{outcome="failed"}') == 0

    certificate, requests = masters.digest(old, f'{FOLDER}/hub/tls.crt'), requests + 2
    hub.say('fault no-signing')
    why = why_not(masters, old, 'rotate-hub-certificate', 'timeout=15')
    assert re.search(
        r'the request edge-7-\S+ is approved, but the hub has not signed it. The old one is good until', why
    )
    assert masters.digest(old, f'{FOLDER}/hub/tls.crt') == certificate
    assert masters.kubectl('get', 'secret', '-n', NAMESPACE, 'hub-kubeconfig-secret', '-o', 'json')['data']['tls.crt']
    assert action(masters, old, 'hub-status')['status'].startswith('joined as edge-7, renewal waits for the signer')
    assert 'Hub: joined as edge-7, renewal waits for the signer' in masters.status(old)[1]
    hub.say('fault')
    assert masters.eventually(lambda: masters.digest(old, f'{FOLDER}/hub/tls.crt') != certificate)
    assert hub.requests() == requests
    assert hub.condition('ManagedClusterConditionAvailable', 'lastTransitionTime') == available, 'seen without a gap'

    certificate = masters.digest(old, f'{FOLDER}/hub/tls.crt')
    act(masters, 'set-leader', MASTER, new)
    assert 'Hub: joined as edge-7, certificate expires in' in masters.status(new)[1]
    assert masters.shell(old, f'ls {FOLDER} 2>&1', check=False).endswith('No such file or directory\n')
    renewed = hub.renewed()
    assert masters.eventually(lambda: hub.renewed() > renewed)
    assert action(masters, new, 'hub-status')['step'] == 'joined'
    assert masters.digest(new, f'{FOLDER}/hub/tls.crt') == certificate
    assert hub.requests() == requests
    token = own_token(masters, new)
    put_back(masters, new)
    act(masters, 'update-status', new)
    assert 'Hub: joined as edge-7, certificate expires in' in masters.status(new)[1]
    assert (own_token(masters, new), masters.shell(new, f'grep -c {SERVICE} {KNOWN}', check=False)) == (token, '0\n')

    masters.kubectl('delete', 'serviceaccount,secret', '-n', NAMESPACE, '-l', OURS)
    act(masters, 'update-status', new)
    assert 'Hub: joined as edge-7, certificate expires in' in masters.status(new)[1]
    assert own_token(masters, new) != token, 'made again by the next look'
    token = own_token(masters, new)

    masters.shell('hub/0', 'systemctl stop hub-apiserver')
    act(masters, 'update-status', new)
    assert 'Hub: unreachable since 20' in masters.status(new)[1]
    why = why_not(masters, new, 'rotate-hub-certificate')
    assert why.startswith('nothing was changed: it waits for the hub: ')
    masters.shell('hub/0', 'systemctl start hub-apiserver')

    kubeconfig = yaml.safe_load(params.read_text())['kubeconfig']
    tokens = {token, yaml.safe_load(kubeconfig)['users'][0]['user']['token']}
    held = {unit: set(files_with(masters, unit, tokens)) for unit in units(masters, MASTER)}
    both = {f'{FOLDER}/bootstrap.kubeconfig', f'{FOLDER}/kubeconfig'}
    assert held == {old: set(), new: both, f'{MASTER}/2': set()}
    modes = masters.shell(new, f'stat -c %a {" ".join(sorted(both))}')
    assert modes.split() == ['600', '600']

    action(masters, new, 'leave-hub')
    act(masters, 'wait')  # until the followers have heard
    assert masters.eventually(lambda: remains(masters) == before), remains(masters)
    assert masters.pid(new, SERVICE) in ('', '0')
    assert {unit: masters.pid(unit, APISERVER) for unit in units(masters, MASTER)} == servers, 'nothing was restarted'
    assert 'Hub' not in masters.status(new)[1]
