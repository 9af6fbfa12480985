"""Failure modes FM-65 to FM-68: what several masters share and who writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model import access, parties
from tests.model import cluster as cluster_of
from tests.model.cluster import MASTER, WORKER, Cluster
from tests.model.parties import act, tell

pytestmark = pytest.mark.slow

API = 'snap.kube-apiserver.daemon'
CHANGED = 'kube-control-relation-changed'
ACCOUNTS_KEY = '/root/cdk/serviceaccount.key'
PASSWORDS = '/root/cdk/basic_auth.csv'
SHARED = (access.KNOWN, PASSWORDS, ACCOUNTS_KEY)
# an operator's lines; the first would stop any API server that were given it
MINE = ['# mine', 'ops-token-0123456789,ops,ops-7,"a,b"', 'ops-second,"ops, too",ops-8']


def published(cluster: Cluster) -> dict[str, dict[str, dict[str, str]]]:
    """Return for each master what it shows of credentials now, on all relations."""
    relations = cluster.relation_ids(MASTER, 'kube-control')
    return {
        master: {user: entry for number in relations for user, entry in access.creds(cluster, master, number).items()}
        for master in parties.units(cluster, MASTER)
    }


def equal_on_all(cluster: Cluster) -> bool:
    """Whether the shared files are byte for byte the same on every master."""
    return len({cluster.digest(master, *SHARED) for master in parties.units(cluster, MASTER)}) == 1


def ask(cluster: Cluster, unit: str, node: str = '$(hostname)', **environment: str) -> None:
    """Have an asker ask for a node's credentials; those of a node it asked for before go."""
    settings = f'kubelet_user="system:node:{node}" auth_group=system:nodes'
    tell(cluster, unit, settings, parties.relation(cluster, MASTER, 'asker'), **environment)


def without(text: str, uid: str) -> list[str]:
    """Return the lines of a token file, less those of one unit."""
    return [line for line in text.splitlines() if uid not in line]


@pytest.fixture(scope='module')
def three(canonical_masters: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster of three masters for all tests here, with units that ask for credentials when told to."""
    folder = tmp_path_factory.mktemp('three')
    cluster = cluster_of.copy(canonical_masters, folder / 'data')
    act(cluster, 'model-config', 'automatically-retry-hooks=false')
    act(cluster, 'deploy', str(parties.asker(folder, eager=False)), '-n', '4')
    act(cluster, 'add-relation', f'{MASTER}:kube-control', 'asker:kube-control')
    yield cluster
    cluster.destroy()


def test_fm_65_leader_change_at_any_step_of_issuing_loses_no_token(three: Cluster) -> None:
    masters = parties.units(three, MASTER)
    key = three.read(masters[0], ACCOUNTS_KEY)
    seen: set[str] = set()

    def look() -> None:
        for entries in published(three).values():
            seen.update(parties.tokens(entries.values()))

    look()
    assert len(seen) == 6
    ask(three, 'asker/0')
    look()
    assert len(seen) == 9
    leader = three.leader(MASTER)
    calls = [run.calls for run in three.runs(leader) if run.name == CHANGED][-1]
    for number, step in enumerate((calls // 2, calls * 3 // 4, calls - 1), start=1):
        leader = three.leader(MASTER)
        other = masters[(masters.index(leader) + 1) % 3]
        ask(three, f'asker/{number}', JUJU_LOCAL_CRASH=f'{step}:{leader}:{CHANGED}')
        assert three.status(leader)[0] == 'error'
        look()
        act(three, 'set-leader', MASTER, other)
        look()
        act(three, 'resolved', leader)
        look()
        assert three.leader(MASTER) == other
    assert len(seen) == 3 * 6
    shown = published(three)
    assert {master for master, entries in shown.items() if entries} == {three.leader(MASTER)}
    assert parties.tokens(shown[three.leader(MASTER)].values()) == seen
    for master in masters:
        assert all(access.accepted(three, sorted(seen), master)), master
        assert three.read(master, ACCOUNTS_KEY) == key
    workers = three.relation_ids(WORKER, 'kube-control')[0]
    assert len({three.bag('kube-control', master, workers)['cluster-tag'] for master in masters}) == 1


def test_fm_66_shared_files_stay_equal_and_foreign_lines_stay_in_place(three: Cluster) -> None:
    masters = parties.units(three, MASTER)
    leader = three.leader(MASTER)
    own = three.read(leader, access.KNOWN).splitlines()
    text = '\n'.join([own[0], MINE[0], '', MINE[1], *own[1:], MINE[2]])
    three.shell(leader, f'cat > {access.KNOWN}', stdin=text)
    act(three, 'update-status', leader)
    for round_ in range(3):  # each changes the file, and who leads
        ask(three, 'asker/3', f'round-{round_}')
        act(three, 'set-leader', MASTER, masters[(masters.index(three.leader(MASTER)) + 1) % 3])
        assert equal_on_all(three)
    now = three.read(masters[0], access.KNOWN)
    assert without(now, '-asker-3') == without(text, '-asker-3')
    assert now.count('-asker-3') == 3
    assert access.accepted(three, ['ops-token-0123456789'], masters[2]) == [True]
    before = three.read(masters[0], PASSWORDS)
    assert before.count('\n') == 1
    act(three, 'config', MASTER, 'client_password=of-my-own')
    assert three.read(masters[0], PASSWORDS) == 'of-my-own,admin,admin,"system:masters"\n'
    assert equal_on_all(three)
    assert not [run for run in three.runs() if run.reason and run.name != CHANGED]


def test_fm_67_a_hook_with_a_request_restarts_each_master_once_and_creds_wait_for_the_api_server(
    three: Cluster,
) -> None:
    masters = parties.units(three, MASTER)
    leader = three.leader(MASTER)
    act(three, 'update-status', *masters)
    before = {master: parties.restarts(three, master, API) for master in masters}
    act(three, 'update-status', *masters)
    assert {master: parties.restarts(three, master, API) for master in masters} == before
    ask(three, 'asker/0', 'asker-0')
    assert {master: parties.restarts(three, master, API) - before[master] for master in masters} == dict.fromkeys(
        masters, 1
    )
    assert 'system:node:asker-0' in published(three)[leader]

    # an API server that cannot be started does not know the new tokens: nobody is given them
    rule = [{'match': f'restart {API}', 'code': 1, 'stderr': 'no', 'times': 99}]
    three.shell(leader, 'cat > /var/lib/stand-in/fail/systemctl.json', stdin=json.dumps(rule))
    ask(three, 'asker/0', 'another')
    assert 'system:node:another' not in published(three)[leader]
    three.shell(leader, 'rm /var/lib/stand-in/fail/systemctl.json')
    act(three, 'update-status', leader)
    entry = published(three)[leader]['system:node:another']
    for master in masters:
        assert access.accepted(three, [entry[kind] for kind in parties.TOKENS], master) == [True] * 3


def test_fm_68_followers_write_no_leader_data_and_say_what_they_wait_for(three: Cluster) -> None:
    leader = three.leader(MASTER)
    followers = [master for master in parties.units(three, MASTER) if master != leader]
    for unit in followers:
        address = three.units()[unit]['public-address']
        servers = three.shell(unit, "grep -h 'server:' /root/cdk/*config /root/.kube/config")
        assert servers.strip()
        assert all(f'https://{address}:6443' in line for line in servers.splitlines()), servers
        assert three.digest(unit, access.KNOWN) == three.digest(leader, access.KNOWN)
    act(three, 'run', '--unit', leader, 'leader-set ' + ' '.join(f'{path}=' for path in SHARED))
    act(three, 'update-status', *followers)
    for unit in followers:
        state, message = three.status(unit)
        assert (state, "leader's keys" in message) == ('waiting', True), message
    act(three, 'update-status', leader)
    assert equal_on_all(three)
    assert {three.status(unit)[0] for unit in (*followers, leader)} == {'active'}
    # leader-set of a unit that does not lead fails its hook
    assert not [run for run in three.runs() if run.unit in followers and run.reason and run.name != CHANGED]


def test_fm_65_without_any_master_workers_keep_what_they_have_and_the_next_master_knows_them(cluster: Cluster) -> None:
    workers = parties.units(cluster, WORKER)
    files = ' '.join(access.KUBECONFIGS.values())
    before = {unit: cluster.digest(unit, files) for unit in workers}
    tokens = parties.tokens(published(cluster)[f'{MASTER}/0'].values())
    key = cluster.read(f'{MASTER}/0', ACCOUNTS_KEY)
    act(cluster, 'remove-unit', f'{MASTER}/0')
    assert {unit: cluster.digest(unit, files) for unit in workers} == before
    cluster.juju('--quiet', 'add-unit', MASTER)
    assert cluster.read(f'{MASTER}/1', ACCOUNTS_KEY) == key
    assert parties.tokens(published(cluster)[f'{MASTER}/1'].values()) == tokens
    assert all(access.accepted(cluster, sorted(tokens), f'{MASTER}/1'))
    assert {cluster.status(unit)[0] for unit in workers} == {'active'}
