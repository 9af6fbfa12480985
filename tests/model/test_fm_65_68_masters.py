"""Failure modes FM-65 to FM-68: what several masters share and who writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model import access, parties
from tests.model import cluster as cluster_of
from tests.model.cluster import MASTER, WORKER, Cluster
from tests.model.parties import act, tell

CHANGED = 'kube-control-relation-changed'
ACCOUNTS_KEY = '/root/cdk/serviceaccount.key'


def published(cluster: Cluster) -> dict[str, dict[str, dict[str, str]]]:
    """Return for each master what it shows of credentials now, on all relations."""
    relations = cluster.relation_ids(MASTER, 'kube-control')
    return {
        master: {user: entry for number in relations for user, entry in access.creds(cluster, master, number).items()}
        for master in parties.units(cluster, MASTER)
    }


def ask(cluster: Cluster, unit: str, node: str = '$(hostname)', **environment: str) -> None:
    """Have an asker ask for a node's credentials; those of a node it asked for before go."""
    settings = f'kubelet_user="system:node:{node}" auth_group=system:nodes'
    tell(cluster, unit, settings, parties.relation(cluster, MASTER, 'asker'), **environment)


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
