"""A deployed cluster joins a hub: the walk-through as the docs have it, and what it does when its leader changes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.model import console
from tests.model.access import KNOWN, files_with
from tests.model.cluster import CLIENT, MASTER, ROOT, Cluster
from tests.model.hub import (
    APISERVER,
    FOLDER,
    NAMESPACE,
    OURS,
    SERVICE,
    Hub,
    action,
    figure,
    own_token,
    remains,
    why_not,
)
from tests.model.parties import act, units

pytestmark = pytest.mark.slow
FAILED = 'spoke_lease_renewals_total{outcome="failed"}'


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


@pytest.fixture
def hub(masters: Cluster) -> Iterator[Hub]:
    act(masters, 'deploy', str(ROOT / 'companions/hub-standin'), 'hub')
    act(masters, 'config', MASTER, 'hub-cluster-name=edge-7')
    yield Hub(masters)


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
    hub.let_in(old, params)

    hub.say("""kubectl patch managedcluster edge-7 --type merge -p '{"spec":{"leaseDurationSeconds":5}}'""")
    agent, requests = masters.pid(old, SERVICE), hub.requests()
    available = hub.condition('ManagedClusterConditionAvailable', 'lastTransitionTime')
    certificate = masters.digest(old, f'{FOLDER}/hub/tls.crt')
    failed = figure(masters, old, FAILED)  # the first look at the lease may have come before the hub made it
    rotated = action(masters, old, 'rotate-hub-certificate')
    assert masters.digest(old, f'{FOLDER}/hub/tls.crt') != certificate
    said = masters.shell(old, f'openssl x509 -in {FOLDER}/hub/tls.crt -noout -serial')
    assert said == f'serial={rotated["certificate-serial"]}\n'
    renewed = hub.renewed()
    assert masters.eventually(lambda: hub.renewed() > renewed)
    assert (masters.pid(old, SERVICE), hub.requests()) == (agent, requests + 1)
    assert figure(masters, old, FAILED) == failed

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
