"""FM-55 to FM-58: snapd that is busy, refreshes by itself or is asked twice; resources; who is asked for an upgrade."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.model.cluster import MASTER, ROOT, WORKER, Cluster
from tests.model.parties import act, config

pytestmark = [pytest.mark.slow, pytest.mark.one_cluster, pytest.mark.usefixtures('no_hook_fails')]

UNIT, OTHER = UNITS = (f'{WORKER}/0', f'{WORKER}/1')
KUBELET = 'snap.kubelet.daemon'
FAIL = '/var/lib/stand-in/fail/snap.json'
STORE = '/var/lib/stand-in/snap-store.json'
ASKS = 'Needs manual upgrade'


def fail(cluster: Cluster, *rules: dict[str, Any]) -> None:
    cluster.shell(UNIT, f'cat > {FAIL}', stdin=json.dumps(list(rules)))


def version(cluster: Cluster, unit: str = UNIT) -> str:
    """Return the version of the kubelet that runs, which should be the installed one."""
    installed = cluster.shell(unit, 'kubelet --version').split()[-1].removeprefix('v')
    node = cluster.kubectl('get', 'node', cluster.node_of(unit), '-o', 'json')
    told = node['status']['nodeInfo']['kubeletVersion'].removeprefix('v')
    return installed if told == installed else f'{told} runs, {installed} is installed'


def runs(cluster: Cluster, wanted: str, *units: str) -> bool:
    return cluster.eventually(lambda: {version(cluster, unit) for unit in units or UNITS} == {wanted})


def upgrade(cluster: Cluster, unit: str) -> dict[str, Any]:
    answer: dict[str, Any] = cluster.answer('run-action', unit, 'upgrade', '--wait')
    return next(iter(answer.values()))  # type: ignore[no-any-return]


def test_fm_55_a_snapd_that_is_busy_or_out_of_reach_is_asked_again_later(cluster: Cluster) -> None:
    busy = 'error: snap "kubelet" has "refresh-snap" change in progress'
    fail(cluster, {'match': 'set kubelet', 'code': 1, 'stderr': busy, 'times': -1})
    config(cluster, 'kubelet-extra-args=v=3')
    state, message = cluster.status(UNIT)
    assert (state, 'refresh-snap' in message) == ('waiting', True), message
    assert cluster.status(OTHER)[0] == 'active'
    away = {'code': 1, 'stderr': 'error: unable to contact snap store'}
    fail(cluster, {'match': 'refresh --classic', 'times': 3, **away})
    config(cluster, 'require-manual-upgrade=false', 'channel=1.13/stable')
    state, message = cluster.status(UNIT)
    assert (state, 'unable to contact' in message) == ('waiting', True), message
    act(cluster, 'update-status', UNIT)
    assert cluster.status(UNIT)[0] == 'active'
    assert '--v="3"' in cluster.read(UNIT, '/var/snap/kubelet/current/args')
    config(cluster, '--reset', 'kubelet-extra-args,channel')
    config(cluster, '--reset', 'require-manual-upgrade')
    assert runs(cluster, '1.12.10')


def test_fm_55_after_a_refresh_by_snapd_itself_the_kubelet_runs_with_flags_it_has(cluster: Cluster) -> None:
    for offered in ('1.12.11', '1.15.12', '1.12.10'):
        cluster.shell(UNIT, f'cat > {STORE}', stdin=json.dumps({'kubelet': {'1.12': offered}}))
        cluster.shell(UNIT, 'snap refresh')
        act(cluster, 'update-status', UNIT)
        assert cluster.status(UNIT)[0] == 'active', offered
        assert runs(cluster, offered, UNIT), version(cluster)
    cluster.shell(UNIT, f'rm {STORE}')


def timers(cluster: Cluster) -> list[str]:
    return [cluster.shell(unit, 'snap get system refresh.timer', check=False).strip() for unit in UNITS]


def test_fm_56_all_units_have_the_leaders_timer_and_have_it_again_when_it_was_wiped(cluster: Cluster) -> None:
    (longest,) = set(timers(cluster))
    assert longest[:3] in ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun') and longest[3:] in '12345'
    for setting, timer in (('fri5,23:00', 'fri5,23:00'), ('tue', 'tue'), ('', '')):
        config(cluster, f'snapd_refresh={setting}')
        assert timers(cluster) == [timer, timer]
    config(cluster, 'snapd_refresh=tuesday')
    state, message = cluster.status(UNIT)
    assert state == 'blocked' and message.startswith('snapd_refresh: ')
    assert timers(cluster) == ['', '']
    config(cluster, 'snapd_refresh=wed')
    for unit in UNITS:  # what a subordinate does at its install
        cluster.shell(unit, 'snap set system refresh.timer=null')
    act(cluster, 'update-status', WORKER)
    assert timers(cluster) == ['wed', 'wed']

    leader = cluster.leader(WORKER)
    follower = next(unit for unit in UNITS if unit != leader)
    act(cluster, 'run', '--unit', leader, 'leader-set snapd_refresh= snapd_refresh_setting=')
    assert timers(cluster) == ['wed', 'wed']
    # chosen by the first leader on another day: the second one keeps to it
    config(cluster, '--reset', 'snapd_refresh')
    act(cluster, 'run', '--unit', leader, 'leader-set snapd_refresh=mon1')
    act(cluster, 'set-leader', WORKER, follower)
    act(cluster, 'update-status', WORKER)
    assert timers(cluster) == ['mon1', 'mon1']
    act(cluster, 'set-leader', WORKER, leader)
    config(cluster, 'snapd_refresh=wed')
    config(cluster, '--reset', 'snapd_refresh')
    assert timers(cluster) == [longest, longest]
    assert {cluster.status(unit)[0] for unit in UNITS} == {'active'}


def attach(cluster: Cluster, folder: Path, name: str, text: bytes) -> None:
    file = folder / f'{name}.resource'
    file.write_bytes(text)
    act(cluster, 'attach-resource', WORKER, f'{name}={file}')


def snap(version: str) -> bytes:
    return f'#stand-in-snap kubelet {version}\n'.encode()


def test_fm_57_resources_come_and_go_and_a_broken_one_is_named(cluster: Cluster, tmp_path: Path) -> None:
    config(cluster, 'require-manual-upgrade=false')
    for text, wanted in (
        (b'', '1.12.10'),
        (snap('1.12.98'), '1.12.98'),
        (b'', '1.12.10'),
        (snap('1.12.99'), '1.12.99'),
    ):
        attach(cluster, tmp_path, 'kubelet', text)
        assert runs(cluster, wanted), wanted
        assert {cluster.status(unit)[0] for unit in UNITS} == {'active'}
    attach(cluster, tmp_path, 'kubelet', b'')
    archive = (ROOT / 'build/resources/cni-amd64.tgz').read_bytes()
    pids = [cluster.pid(unit, KUBELET) for unit in UNITS]
    attach(cluster, tmp_path, 'cni-amd64', archive[: len(archive) // 2])
    for unit in UNITS:
        state, message = cluster.status(unit)
        assert (state, 'cni-amd64' in message) == ('blocked', True), message
    attach(cluster, tmp_path, 'cni-amd64', archive)
    assert {cluster.status(unit)[0] for unit in UNITS} == {'active'}
    assert [cluster.pid(unit, KUBELET) for unit in UNITS] == pids
    config(cluster, '--reset', 'require-manual-upgrade')
    assert runs(cluster, '1.12.10')


def is_asked(cluster: Cluster) -> list[bool]:
    return [ASKS in cluster.status(unit)[1] for unit in UNITS]


def test_fm_58_an_upgrade_is_asked_for_once_and_pods_run_through_it(cluster: Cluster, tmp_path: Path) -> None:
    node = cluster.node_of(UNIT)
    pod = {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'through'}}
    spec = {'nodeName': node, 'containers': [{'name': 'main', 'image': 'busybox'}]}
    cluster.shell(cluster.leader(MASTER), 'kubectl apply -f -', stdin=json.dumps({**pod, 'spec': spec}))
    assert cluster.eventually(lambda: phase(cluster)[1] == 'Running')
    before = phase(cluster)

    act(cluster, 'config', WORKER, 'channel=1.12/stable')
    attach(cluster, tmp_path, 'kube-proxy', b'')
    assert is_asked(cluster) == [False, False]
    assert 'nothing to upgrade' in upgrade(cluster, UNIT)['results']['result']

    pids = [cluster.pid(unit, KUBELET) for unit in UNITS]
    config(cluster, 'channel=1.13/stable')
    assert is_asked(cluster) == [True, True]
    assert [cluster.pid(unit, KUBELET) for unit in UNITS] == pids
    done = upgrade(cluster, UNIT)
    assert (done['status'], done['results']['result']) == ('completed', 'installed channel 1.13/stable')
    assert is_asked(cluster) == [False, True]
    assert runs(cluster, '1.13.12', UNIT) and runs(cluster, '1.12.10', OTHER)
    assert 'nothing to upgrade' in upgrade(cluster, UNIT)['results']['result']
    act(cluster, 'update-status', WORKER)
    assert is_asked(cluster) == [False, True]
    config(cluster, '--reset', 'channel')
    assert is_asked(cluster) == [True, False]

    config(cluster, 'require-manual-upgrade=false')
    assert is_asked(cluster) == [False, False]
    config(cluster, '--reset', 'require-manual-upgrade')
    attach(cluster, tmp_path, 'kubelet', snap('1.12.97'))
    assert is_asked(cluster) == [True, True]
    attach(cluster, tmp_path, 'kubelet', b'')
    assert is_asked(cluster) == [False, False]
    assert runs(cluster, '1.12.10')
    assert phase(cluster) == before


def phase(cluster: Cluster) -> tuple[str, str, str]:
    """Return what changes when a pod is made anew."""
    pod = cluster.kubectl('get', 'pod', 'through', '-o', 'json')
    return pod['metadata']['uid'], pod['status']['phase'], pod['status'].get('startTime', '')


ASSERTIONS = (
    'type: account-key\nauthority-id: canonical\n\nAcLB\n\ntype: store\nstore: aBcD1234\nurl: http://x\n\nc2ln\n'
)
SERVER = """[Service]
ExecStart=/usr/bin/python3 -m http.server 8080 --directory /srv/store
"""


def proxies(cluster: Cluster) -> dict[str, str]:
    told = cluster.shell(UNIT, 'snap get -d system proxy', check=False)
    return dict(json.loads(told or '{}').get('proxy', {}))


def test_snapd_goes_through_the_proxies_of_the_options_and_back(cluster: Cluster) -> None:
    squid = 'http://squid.internal:3128'
    config(cluster, f'snap_proxy={squid}')
    assert proxies(cluster) == {'http': squid, 'https': squid}
    config(cluster, 'snap_proxy=http://me:secret@squid')
    state, message = cluster.status(UNIT)
    assert state == 'blocked' and message.startswith('snap_proxy: ') and 'secret' not in message
    assert proxies(cluster) == {'http': squid, 'https': squid}
    config(cluster, '--reset', 'snap_proxy')
    assert proxies(cluster) == {}

    config(cluster, 'snap_proxy_url=http://127.0.0.1:8080')
    state, message = cluster.status(UNIT)
    assert (state, 'snap store proxy http://127.0.0.1:8080' in message) == ('waiting', True), message
    path = '/srv/store/v2/auth/store'
    cluster.shell(UNIT, f'mkdir -p {path}; cat > {path}/assertions', stdin=ASSERTIONS)
    cluster.shell(UNIT, 'cat > /etc/systemd/system/store.service; systemctl daemon-reload', stdin=SERVER)
    cluster.shell(UNIT, 'systemctl start store')
    answers = 'python3 -c "import urllib.request; urllib.request.urlopen(\'http://127.0.0.1:8080\')" && echo yes'
    assert cluster.eventually(lambda: cluster.shell(UNIT, answers, check=False).strip() == 'yes')
    act(cluster, 'update-status', UNIT)
    assert proxies(cluster) == {'store': 'aBcD1234'}
    assert cluster.status(UNIT)[0] == 'active'
    config(cluster, '--reset', 'snap_proxy_url')
    assert proxies(cluster) == {}
    assert {cluster.status(unit)[0] for unit in UNITS} == {'active'}
