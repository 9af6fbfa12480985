"""The command: exit codes, signals, HTTPS, leader election, as a process seen from outside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from aioclustermanager.kubernetes import resources
from spoke import _hub_standin, _wire
from spoke._certificates import utc_now
from spoke._hub_standin import _hub

from tests.contract import _certificates
from tests.contract._programs import free_port

pytestmark = pytest.mark.asyncio
SPOKE = Path(sys.executable).parent / 'spoke'


class Agent:
    """A running `spoke agent`."""

    def __init__(self, world: Any, port: int, *words: str) -> None:
        self.port = port
        management = world.spoke_cluster.kubeconfig(world.folder / 'management.kubeconfig')
        command = [
            str(SPOKE), 'agent', f'--bootstrap-kubeconfig={world.bootstrap}', f'--spoke-cluster-name={world.name}',
            '--agent-id=b2c4d', f'--hub-kubeconfig-dir={world.dir}', f'--kubeconfig={management}',
            f'--listen=127.0.0.1:{port}', f'--namespace={world.namespace}', *words,
        ]  # fmt: skip
        self.log = world.folder / f'agent-{port}.log'
        with self.log.open('ab') as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def get(self, path: str, token: str = '', pair: tuple[Path, Path] | None = None) -> tuple[int, str]:
        context = ssl._create_unverified_context()  # noqa: S323  (a certificate it made itself)
        if pair:
            context.load_cert_chain(*pair)
        request = urllib.request.Request(f'https://127.0.0.1:{self.port}{path}')
        if token:
            request.add_header('Authorization', f'Bearer {token}')
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def ends(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextlib.contextmanager
def agent(world: Any, *words: str) -> Iterator[Agent]:
    made = Agent(world, free_port(), *words)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SPOKE), *words], capture_output=True, text=True, timeout=90, check=False, env={**os.environ, **environment}
    )


async def test_09_bad_options_end_with_1_and_name_each_with_its_limit() -> None:
    done = run('agent', '--cluster-healthcheck-period=0s', '--client-cert-expiration-seconds=3599',
               '--spoke-cluster-name=Edge_7', '--spoke-external-server-urls=http://a')  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ''
    for text in (
        '--bootstrap-kubeconfig is required',
        '0s',
        '3599',
        '3600',
        "'Edge_7' has the wrong format",
        "'http://a'",
    ):
        assert text in done.stderr


async def test_an_unknown_flag_ends_with_1() -> None:
    done = run('agent', '--bootstrap-kubeconfig=/b', '--agent-name=x')
    assert (done.returncode, done.stdout) == (1, '')
    assert 'unrecognized arguments: --agent-name=x' in done.stderr


async def test_without_a_management_cluster_it_ends_with_255() -> None:
    done = run('agent', '--bootstrap-kubeconfig=/b', '--disable-leader-election', KUBERNETES_SERVICE_HOST='')
    assert done.returncode == 255
    assert 'not in a pod' in done.stderr


async def test_43_a_signal_while_it_waits_for_approval_ends_it_with_0(world: Any) -> None:
    world.hub_runs()
    with agent(world, '--disable-leader-election') as running:
        await world.until(world.requests)
        assert running.get('/healthz') == (200, 'ok')
        assert running.ends() == 0
    assert len(await world.requests()) == 1


async def test_an_agent_keeps_one_connection_to_the_hub_and_one_to_its_cluster(world: Any) -> None:
    """As Go's does, the lease of its leader included (facts: connections)."""
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    with agent(world) as running:
        await world.joined()
        ports = [int(each.server.rpartition(':')[2]) for each in (world.hub_cluster, world.spoke_cluster)]
        await world.until(lambda: asyncio.to_thread(lambda: connected(running.process.pid) == sorted(ports)))
        figures = running.get('/metrics', 'admin-token')[1]
        assert 0 < sum(map(float, re.findall(r'^spoke_open_connections\S* (\S+)$', figures, re.MULTILINE))) <= 2
        assert running.ends() == 0


def connected(pid: int) -> list[int]:
    """Return the ports that a process has connections to."""
    sockets = {link.readlink().name for link in Path(f'/proc/{pid}/fd').iterdir() if link.is_symlink()}
    rows = [line.split() for line in Path(f'/proc/{pid}/net/tcp').read_text().splitlines()[1:]]
    there = [int(row[2].rpartition(':')[2], 16) for row in rows if row[3] == '01' and f'socket:[{row[9]}]' in sockets]
    return sorted(port for port in there if port > 0)


async def test_43_a_signal_in_the_main_phase_ends_it_with_0_and_releases_the_lease(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    with agent(world) as running:
        await world.joined()
        lease = await world.spoke.get(resources.LEASES, 'registration-agent-lock', world.namespace)
        assert lease['spec']['holderIdentity']
        assert lease['spec']['leaseDurationSeconds'] == 137
        assert running.ends() == 0
    lease = await world.spoke.get(resources.LEASES, 'registration-agent-lock', world.namespace)
    assert (lease['spec']['holderIdentity'], lease['spec']['leaseDurationSeconds']) == ('', 1)


SOON = ('--leader-election-retry-period=500ms',)
MISSED_SOON = (*SOON, '--leader-election-lease-duration=8s', '--leader-election-renew-deadline=7s')


async def test_39_of_two_processes_one_leads_and_the_other_takes_over_when_it_is_killed(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    with agent(world, *MISSED_SOON) as first:
        await world.joined()
        before = await world.spoke.get(resources.LEASES, 'registration-agent-lock', world.namespace)
        with agent(world, *SOON) as second:
            await world.until(lambda: _async(second.get('/healthz') == (200, 'ok')))
            first.process.kill()

            async def taken_over() -> bool:
                found = await world.spoke.get(resources.LEASES, 'registration-agent-lock', world.namespace)
                return found['spec']['holderIdentity'] not in ('', before['spec']['holderIdentity'])

            await world.until(taken_over)
            before = await world.spoke.get(resources.LEASES, 'registration-agent-lock', world.namespace)
            with agent(world, *SOON) as third:
                await world.until(lambda: _async(third.get('/healthz') == (200, 'ok')))
                assert second.ends() == 0
                await world.until(taken_over)
                await world.until(lambda: _async(third.get('/healthz') == (200, 'ok')))
                assert third.ends() == 0


async def away(world: Any) -> list[str]:
    path = replace(world.spoke_cluster, server='https://127.0.0.1:9').kubeconfig(world.folder / 'away.kubeconfig')
    return [f'--kubeconfig={path}']


async def hub_away(world: Any) -> list[str]:
    replace(world.hub_cluster, server='https://127.0.0.1:9').kubeconfig(world.bootstrap, 'bootstrap-token')
    return []


async def second_to_somebody(world: Any) -> list[str]:
    spec = {'holderIdentity': 'somebody', 'leaseDurationSeconds': 137, 'renewTime': _wire.micro_time(utc_now())}
    lock = {'metadata': {'name': 'registration-agent-lock'}, 'spec': spec}
    await world.spoke.create(resources.LEASES, lock, world.namespace)
    return []


@pytest.mark.slow
@pytest.mark.parametrize(
    ('phase', 'holder'),
    [(away, None), (hub_away, ''), (second_to_somebody, 'somebody')],
    ids=['management', 'hub', 'leader'],
)
async def test_43_a_signal_ends_it_with_0_whatever_it_waits_for(world: Any, phase: Any, holder: str | None) -> None:
    words = await phase(world)
    with agent(world, *words) as running:
        await world.until(lambda: _async(running.get('/healthz') == (200, 'ok')))
        expected = 'cannot bootstrap yet' if holder == '' else 'cannot be had' if holder is None else 'health is served'
        await world.until(lambda: _async(expected in running.log.read_text()))
        assert running.ends() == 0
    lease = await world.spoke.find(resources.LEASES, 'registration-agent-lock', world.namespace)
    assert (lease and lease['spec']['holderIdentity']) == holder


@pytest.mark.slow
async def test_35_a_bootstrap_credential_that_the_hub_refuses_is_told_in_health_and_log(world: Any) -> None:
    world.hub_cluster.kubeconfig(world.bootstrap, 'expired-token')
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    with agent(world, '--disable-leader-election') as running:
        await world.until(lambda: _async('cannot bootstrap yet' in running.log.read_text()))
        assert '401' in running.log.read_text()
        status, text = running.get('/healthz?verbose')
        assert (status, text.splitlines()[-1]) == (200, 'healthz check passed')
        assert '[?]bootstrap is waited for' in text
        world.hub_cluster.kubeconfig(world.bootstrap, 'bootstrap-token')
        await world.joined()
        assert running.ends() == 0


async def test_33_a_changed_bootstrap_secret_makes_the_probe_fail_by_name(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    secret = {'metadata': {'name': 'bootstrap-hub-kubeconfig'}, 'data': {'kubeconfig': 'YQ=='}}
    await world.spoke.create(resources.SECRETS, secret, world.namespace)
    with agent(world, '--disable-leader-election') as running:
        await world.joined()
        where = 'bootstrap-hub-kubeconfig', {'metadata': {'annotations': {'a': 'b'}}}, world.namespace
        await world.spoke.patch(resources.SECRETS, *where)
        time.sleep(0.3)
        assert running.get('/healthz') == (200, 'ok')
        await world.spoke.patch(resources.SECRETS, where[0], {'data': {'kubeconfig': 'Yg=='}}, where[2])
        await world.until(lambda: _async(running.get('/healthz')[0] == 500))
        status, text = running.get('/healthz')
        assert '[-]bootstrap-hub-kubeconfig failed: reason withheld\n' in text
        assert '[+]hub-client-certificate ok\n' in text
        assert text.endswith('healthz check failed\n')
        assert running.get('/healthz?exclude=bootstrap-hub-kubeconfig')[0] == 200
        assert running.get('/livez') == (200, 'ok')
        status, text = running.get('/healthz/bootstrap-hub-kubeconfig', 'admin-token')
        assert (status, 'has changed' in text) == (500, True)


async def test_33_with_restart_in_place_the_process_begins_anew_by_itself(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    where = 'bootstrap-hub-kubeconfig', world.namespace
    await world.spoke.create(
        resources.SECRETS, {'metadata': {'name': where[0]}, 'data': {'kubeconfig': 'YQ=='}}, where[1]
    )
    with agent(world, '--disable-leader-election', '--restart-in-place') as running:
        await world.joined()
        await world.spoke.patch(resources.SECRETS, where[0], {'data': {'kubeconfig': 'Yg=='}}, where[1])
        await world.until(lambda: _async('starts over: the secret' in running.log.read_text()))
        await world.until(lambda: _async(running.log.read_text().count('agent b2c4d of cluster') == 2))
        await world.until(lambda: _async(running.get('/healthz') == (200, 'ok')))
        assert running.ends() == 0


FIGURES = {
    'spoke_joined', 'spoke_available', 'spoke_certificate_expiry_timestamp_seconds', 'spoke_claims_cut',
    'spoke_certificate_requests_total{certificate="hub",outcome="created"}',
    'spoke_certificate_requests_total{certificate="hub",outcome="issued"}',
    'spoke_lease_renewals_total{outcome="renewed"}', 'spoke_lease_last_renewal_timestamp_seconds',
    'spoke_hub_last_contact_timestamp_seconds', 'spoke_spoke_last_contact_timestamp_seconds',
    'spoke_sync_seconds_count{controller="ManagedClusterStatusController"}',
}  # fmt: skip


def figures_of(running: Agent) -> set[str]:
    lines = running.get('/metrics', 'admin-token')[1].splitlines()
    return {line.split(' ')[0] for line in lines if not line.startswith('#')}


async def test_healthz_lists_its_checks_and_metrics_are_for_those_who_may(world: Any) -> None:
    world.hub_runs(auto_approval_users=frozenset({'bootstrap'}))
    with agent(world, '--disable-leader-election') as running:
        await world.joined()
        lines = running.get('/healthz?verbose')[1].splitlines()
        assert lines == ['[+]ping ok', '[+]log ok', '[+]bootstrap-hub-kubeconfig ok', '[+]hub-client-certificate ok',
                         'healthz check passed']  # fmt: skip
        assert running.get('/metrics')[0] == 401
        assert running.get('/metrics', 'wrong-token')[0] == 401
        assert running.get('/metrics', 'nobody-token')[0] == 403
        await world.until(lambda: _async(figures_of(running) >= FIGURES))  # the first renewal may come after the join
        status, text = running.get('/metrics', 'admin-token')
        assert status == 200
        assert 'spoke_joined 1\n' in text
        assert re.search(r'^spoke_open_connections\{to="hub"\} [1-9]\d*$', text, re.MULTILINE)
        assert re.search(r'^spoke_open_connections\{to="management"\} [1-9]\d*$', text, re.MULTILINE)
        assert '# TYPE spoke_sync_seconds histogram\n' in text
        assert running.get('/no', 'admin-token')[0] == 404


async def test_a_client_certificate_of_the_management_cluster_is_as_good_as_a_token(world: Any, tmp_path: Path) -> None:
    authority = world.spoke_cluster.authority
    master = authority.issue('metrics-master', 'somebody', ('system:masters',))
    nobody = authority.issue('metrics-nobody', 'nobody')
    stranger = _certificates.Authority(tmp_path).issue('stranger', 'admin', ('system:masters',))
    body = {'metadata': {'name': 'extension-apiserver-authentication', 'namespace': 'kube-system'},
            'data': {'client-ca-file': world.spoke_cluster.ca.decode()}}  # fmt: skip
    await _hub.make(world.spoke, resources.CONFIG_MAPS, body, 'kube-system')
    with agent(world, '--disable-leader-election') as running:
        await world.until(lambda: _aside(lambda: running.get('/healthz') == (200, 'ok')))
        await world.until(
            lambda: _aside(lambda: running.get('/metrics', pair=master)[0] == 200)
        )  # whom it trusts is known
        assert (await _aside(lambda: running.get('/metrics', pair=nobody)))[0] == 403
        assert (await _aside(lambda: running.get('/metrics', pair=stranger)))[0] == 0, 'no answer at all'
        assert (await _aside(lambda: running.get('/metrics')))[0] == 401
        status, text = await _aside(lambda: running.get('/version', pair=master))
        assert (status, json.loads(text)['gitVersion']) == (200, f'v{metadata.version("spoke")}')
        assert running.get('/version')[0] == 401
        assert (await _aside(lambda: running.get('/debug/pprof/', pair=master))) == (
            200, '/debug/pprof/cmdline  the command line\n/debug/pprof/goroutine  all tasks and what they wait for\n'
        )  # fmt: skip
        assert (
            '--disable-leader-election' in (await _aside(lambda: running.get('/debug/pprof/cmdline', pair=master)))[1]
        )
        assert 'await together(' in (await _aside(lambda: running.get('/debug/pprof/goroutine', pair=master)))[1]
        assert (await _aside(lambda: running.get('/debug/pprof/heap', pair=master)))[0] == 404


async def test_23_a_changed_file_of_terminate_on_files_ends_it_with_0(world: Any) -> None:
    watched = world.folder / 'watched'
    watched.write_text('one')
    world.hub_runs()
    with agent(world, '--disable-leader-election', f'--terminate-on-files={watched}') as running:
        await world.until(world.requests)
        watched.write_text('two')
        assert running.process.wait(60) == 0


async def test_status_says_which_step_the_join_has_reached_and_whom_it_waits_for(world: Any) -> None:
    world.hub_runs()
    words = ('status', f'--bootstrap-kubeconfig={world.bootstrap}', f'--hub-kubeconfig-dir={world.dir}',
             f'--spoke-cluster-name={world.name}', '--agent-id=b2c4d')  # fmt: skip

    def status() -> dict[str, Any]:
        done = run(*words, '--format=json')
        answer: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (0 if answer['step'] == 'joined' and not answer['waits-for'] else 1)
        return answer

    assert status()['step'] == 'bootstrap'
    world.start(world.config())
    (request,) = await world.until(world.requests)
    found = await _aside(status)
    assert found['step'] == 'approval'
    assert request['metadata']['name'] in found['waits-for']
    await world.approved()
    await world.until(lambda: _async((world.dir / 'tls.crt').exists()))
    found = await _aside(status)
    assert (found['step'], world.name in found['waits-for']) == ('acceptance', True)
    await _hub_standin.accept(world.hub, world.name)
    await world.joined()
    found = await _aside(status)
    assert (found['step'], found['waits-for'], found['available']) == ('joined', '', 'True')
    shown = run(*words).stdout.splitlines()
    assert [line.split() for line in shown[:2]] == [['cluster:', world.name], ['step:', 'joined']]


async def _async(value: object) -> object:
    return value


async def _aside(work: Any) -> Any:
    """Run what blocks while the agent of the test goes on."""
    import asyncio

    return await asyncio.to_thread(work)
