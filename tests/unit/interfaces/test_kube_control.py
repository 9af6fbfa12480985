"""Both sides of kube-control under the real reactive bus, hook by hook."""

from __future__ import annotations

import json
from typing import Any

import pytest

DNS = {'port': '53', 'domain': 'cluster.local', 'sdn-ip': '10.1.0.10', 'enable-kube-dns': 'True'}
AVAILABLE = {'connected', 'dns.available', 'auth.available', 'cluster_tag.available', 'registry_location.available'}


def master(hook: Any) -> None:
    """A control plane: the leader signs, others take their credentials back, all tell tag and registry."""
    from charmhelpers.core import hookenv

    @hook.when('kube-control.connected')  # type: ignore[untyped-decorator]
    def tell(kube_control: Any) -> None:
        kube_control.set_cluster_tag('kubernetes-abc')
        kube_control.set_registry_location('registry.example/cdk')
        if hookenv.is_leader():
            kube_control.set_dns(53, 'cluster.local', '10.1.0.10')
        else:
            kube_control.withdraw_credentials()

    @hook.when('kube-control.auth.requested')  # type: ignore[untyped-decorator]
    def sign(kube_control: Any) -> None:
        if hookenv.is_leader():
            for unit, asked in kube_control.unsigned():
                signed = kube_control.sign_auth_request(unit, asked['user'], 'k-' + asked['user'], 'proxy', 'client')
                hook.note(('signed' if signed else 'refused', unit, asked['user'], asked['group']))

    @hook.when('kube-control.departed')  # type: ignore[untyped-decorator]
    def revoke(kube_control: Any) -> None:
        hook.note(('departed', kube_control.flush_departed()))


def worker(hook: Any) -> None:
    """A worker: asks with its own name, notes what it would configure."""
    from charmhelpers.core import hookenv

    user = 'system:node:' + hookenv.local_unit().replace('/', '-')

    @hook.when('kube-control.connected')  # type: ignore[untyped-decorator]
    def ask(kube_control: Any) -> None:
        kube_control.set_auth_request(user)
        kube_control.set_gpu(False)

    @hook.when('kube-control.auth.available')  # type: ignore[untyped-decorator]
    def take(kube_control: Any) -> None:
        hook.note(('auth', kube_control.get_auth_credentials(user)))

    @hook.when('kube-control.dns.available')  # type: ignore[untyped-decorator]
    def resolve(kube_control: Any) -> None:
        hook.note(('dns', kube_control.get_dns()))


def provider(juju: Any, name: str = 'master', handlers: Any = master) -> None:
    juju.deploy(name, 'kube-control', 'provides', handlers=handlers)


def requirer(juju: Any, name: str = 'worker', handlers: Any = worker) -> None:
    juju.deploy(name, 'kube-control', 'requires', handlers=handlers)


def by_hand(juju: Any, name: str) -> None:
    juju.deploy(name, endpoint='kube-control')


def cluster(juju: Any, masters: int = 1, workers: int = 1) -> int:
    """Deploy our pair and settle; return the relation's number."""
    provider(juju)
    requirer(juju)
    for _ in range(masters):
        juju.add_unit('master')
    for _ in range(workers):
        juju.add_unit('worker')
    number: int = juju.relate('master', 'worker')
    juju.settle()
    return number


def flags(juju: Any, unit: str) -> set[str]:
    return {flag.removeprefix('kube-control.') for flag in juju.flags(unit)}


def creds(juju: Any, number: int, unit: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(juju.bag(number, unit).get('creds', '{}'))
    return found


def notes(results: list[Any], kind: str) -> list[Any]:
    return [note[1:] for result in results for note in result.notes if note[0] == kind]


def ask(name: str, group: str = 'system:nodes') -> dict[str, str]:
    return {'kubelet_user': f'system:node:{name}', 'auth_group': group, 'gpu': 'False'}


def entry(scope: str, token: str = 'k') -> dict[str, str]:  # noqa: S107
    return {'scope': scope, 'kubelet_token': token, 'proxy_token': 'p', 'client_token': 'c'}


# ---- the seed's promises


def test_a_worker_gets_everything_it_waits_for(juju: Any) -> None:
    cluster(juju)
    assert flags(juju, 'worker/0') == AVAILABLE
    assert flags(juju, 'master/0') == {'connected'}


def test_get_dns_has_the_keys_of_the_interface(juju: Any) -> None:
    number = cluster(juju)
    told = juju.run('worker/0', 'update-status').notes[-1]
    address = juju.relations[number].bags['master/0']['private-address']
    assert ('dns', {**DNS, 'private-address': address, 'enable-kube-dns': True}) in juju.results[-1][2].notes, told


def test_credentials_come_as_a_dictionary(juju: Any) -> None:
    cluster(juju)
    expected = {'kubelet_token': 'k-system:node:worker-0', 'proxy_token': 'proxy', 'client_token': 'client'}
    assert ('auth', {'user': 'system:node:worker-0', **expected}) in juju.run('worker/0', 'update-status').notes


def test_a_worker_with_a_gpu_raises_the_flag_until_it_leaves(juju: Any) -> None:
    provider(juju)
    by_hand(juju, 'worker')
    juju.add_unit('master'), juju.add_unit('worker'), juju.add_unit('worker')
    number = juju.relate('master', 'worker')
    juju.write_bag(number, 'worker/1', {'gpu': 'True'})
    juju.settle()
    assert 'gpu.available' in flags(juju, 'master/0')
    juju.remove_unit('worker/1')
    juju.settle()
    assert 'gpu.available' not in flags(juju, 'master/0')


def test_another_group_can_be_asked_for(juju: Any) -> None:
    def operator(hook: Any) -> None:
        @hook.when('kube-control.connected')  # type: ignore[untyped-decorator]
        def ask_for_admin(kube_control: Any) -> None:
            kube_control.set_auth_request('root', group='system:masters')

    provider(juju)
    requirer(juju, handlers=operator)
    juju.add_unit('master'), juju.add_unit('worker')
    juju.relate('master', 'worker')
    assert notes(juju.settle(), 'signed') == [('worker/0', 'root', 'system:masters')]


def test_a_request_signed_once_is_not_signed_again(juju: Any) -> None:
    number = cluster(juju, workers=2)
    before = juju.bag(number, 'master/0')
    results = [juju.run('master/0', 'update-status'), juju.run('master/0', 'config-changed')]
    juju.write_bag(number, 'worker/0', {'gpu': 'True'})
    results += juju.settle()
    assert notes(results, 'signed') == []
    assert juju.bag(number, 'master/0') == before


def test_a_changed_group_is_a_new_request(juju: Any) -> None:
    provider(juju)
    by_hand(juju, 'worker')
    juju.add_unit('master'), juju.add_unit('worker')
    number = juju.relate('master', 'worker')
    juju.write_bag(number, 'worker/0', ask('a'))
    juju.settle()
    juju.write_bag(number, 'worker/0', {'auth_group': 'system:masters'})
    assert notes(juju.settle(), 'signed') == [('worker/0', 'system:node:a', 'system:masters')]
    assert notes([juju.run('master/0', 'update-status')], 'signed') == []


def test_a_worker_that_changes_its_name_leaves_no_old_credentials(juju: Any) -> None:
    provider(juju)
    by_hand(juju, 'worker')
    juju.add_unit('master'), juju.add_unit('worker')
    number = juju.relate('master', 'worker')
    for name in 'a', 'a.example':
        juju.write_bag(number, 'worker/0', ask(name))
        juju.settle()
    assert list(creds(juju, number, 'master/0')) == ['system:node:a.example']


# ---- departures


def test_units_that_leave_between_hooks_are_each_reported_once(juju: Any) -> None:
    number = cluster(juju, workers=4)
    for unit in 'worker/1', 'worker/3', 'worker/2':
        juju.remove_unit(unit)
    results = [*juju.settle(), juju.run('master/0', 'update-status')]
    assert sorted(notes(results, 'departed')) == [('worker/1',), ('worker/2',), ('worker/3',)]
    assert list(creds(juju, number, 'master/0')) == ['system:node:worker-0']
    assert 'departed' not in flags(juju, 'master/0')


def test_units_that_leave_while_nobody_flushes_wait(juju: Any) -> None:
    def deaf(hook: Any) -> None:
        pass

    provider(juju, handlers=deaf)
    by_hand(juju, 'worker')
    for app in ('master', *['worker'] * 12):
        juju.add_unit(app)
    juju.relate('master', 'worker')
    juju.settle()
    gone = sorted(f'worker/{number}' for number in range(1, 12))  # as Juju orders the hooks
    for unit in gone:
        juju.remove_unit(unit)
    juju.settle()
    assert 'departed' in flags(juju, 'master/0')
    juju.apps['master'].handlers = master
    assert notes([juju.run('master/0', 'config-changed')], 'departed') == [(unit,) for unit in gone]


def test_a_failed_hook_reports_its_departures_again(juju: Any) -> None:
    cluster(juju, workers=2)

    def failing(hook: Any) -> None:
        @hook.when('kube-control.departed')  # type: ignore[untyped-decorator]
        def fail(kube_control: Any) -> None:
            kube_control.flush_departed()
            raise RuntimeError('disk full')

    juju.apps['master'].handlers = failing
    juju.remove_unit('worker/1')
    with pytest.raises(Exception, match='disk full'):
        juju.settle()
    juju.apps['master'].handlers = master
    assert notes([juju.run('master/0', 'update-status')], 'departed') == [('worker/1',)]


def test_a_unit_that_came_back_is_not_reported(juju: Any) -> None:
    def deaf(hook: Any) -> None:
        pass

    provider(juju, handlers=deaf)
    by_hand(juju, 'worker')
    juju.add_unit('master'), juju.add_unit('worker')
    number = juju.relate('master', 'worker')
    juju.settle()
    juju.unrelate(number)
    juju.settle()
    juju.relate('master', 'worker')
    juju.settle()
    assert flags(juju, 'master/0') == {'connected'}


def test_a_master_that_leaves_reports_nobody_and_keeps_what_it_published(juju: Any) -> None:
    number = cluster(juju, masters=2, workers=2)
    before = juju.bag(number, 'master/0')
    juju.remove_unit('master/0')
    results = juju.settle()
    assert notes(results, 'departed') == []
    assert juju.bag(number, 'master/0') == before


# ---- several of everything


def test_two_worker_applications_on_one_endpoint_get_everything(juju: Any) -> None:
    provider(juju)
    requirer(juju)
    requirer(juju, 'gpu-worker')
    for app in 'master', 'worker', 'gpu-worker', 'gpu-worker':
        juju.add_unit(app)
    juju.relate('master', 'worker')
    juju.settle()
    juju.relate('master', 'gpu-worker')
    juju.settle()
    for unit in 'worker/0', 'gpu-worker/0', 'gpu-worker/1':
        assert flags(juju, unit) == AVAILABLE, unit


def test_data_that_arrives_in_pieces_is_not_used_half(juju: Any) -> None:
    requirer(juju)
    by_hand(juju, 'master')
    juju.add_unit('worker'), juju.add_unit('master')
    number = juju.relate('master', 'worker')
    seen = []
    for piece in {'domain': 'c'}, {'port': '53'}, {'enable-kube-dns': 'True'}, {'sdn-ip': '10.1.0.10'}:
        juju.settle()
        seen.append('dns.available' in flags(juju, 'worker/0'))
        juju.write_bag(number, 'master/0', piece)
    juju.settle()
    assert [*seen, 'dns.available' in flags(juju, 'worker/0')] == [False, False, False, False, True]


def test_a_second_unit_without_data_hides_nothing(juju: Any) -> None:
    requirer(juju)
    by_hand(juju, 'master')
    for app in 'worker', 'master', 'master', 'master':
        juju.add_unit(app)
    number = juju.relate('master', 'worker')
    juju.write_bag(number, 'master/0', {'cluster-tag': 't', 'creds': '{}'})
    juju.write_bag(number, 'master/2', {**DNS, 'creds': json.dumps({'system:node:worker-0': entry('worker/0')})})
    juju.settle()
    assert flags(juju, 'worker/0') == AVAILABLE - {'registry_location.available'}


# ---- generations


@pytest.mark.parametrize('generation', ['RelationBase', 'Endpoint', 'ops'])
def test_our_worker_works_with_a_public_master_of(juju: Any, generation: str) -> None:
    requirer(juju)
    by_hand(juju, 'master')
    for app in 'worker', 'worker', 'master', 'master':
        juju.add_unit(app)
    number = juju.relate('master', 'worker')
    users = {f'system:node:worker-{n}': entry(f'worker/{n}', f'k{n}') for n in range(2)}
    leader = {**DNS, 'creds': json.dumps(users), 'cluster-tag': 'kubernetes-abc'}
    follower = {'cluster-tag': 'kubernetes-abc'}
    if generation != 'RelationBase':
        leader['registry-location'] = follower['registry-location'] = 'registry.example/'
    if generation == 'ops':
        later = {'api-endpoints': '["https://10.0.0.1:6443"]', 'default-cni': '""', 'has-xcp': 'false', 'taints': '[]'}
        leader |= {**later, 'labels': '["a="]', 'cohort-keys': 'null', 'ca-certificate-secret-id': 'secret:1'}
    juju.write_bag(number, 'master/1', leader)
    juju.write_bag(number, 'master/0', follower)
    results = juju.settle()
    expected = AVAILABLE - ({'registry_location.available'} if generation == 'RelationBase' else set())
    assert flags(juju, 'worker/0') == flags(juju, 'worker/1') == expected
    assert {note[0]['kubelet_token'] for note in notes(results, 'auth')} == {'k0', 'k1'}
    asked = {'kubelet_user': 'system:node:worker-0', 'auth_group': 'system:nodes', 'gpu': 'False'}
    assert juju.bag(number, 'worker/0') == asked


@pytest.mark.parametrize(
    'extra', [{}, {'schema_vers': '[0]'}, {'schema_vers': '[0, 1]'}], ids=['2018', 'ops', 'sealing']
)
def test_our_master_works_with_a_public_worker_of(juju: Any, extra: dict[str, str]) -> None:
    provider(juju)
    by_hand(juju, 'worker')
    juju.add_unit('master'), juju.add_unit('worker')
    number = juju.relate('master', 'worker')
    juju.write_bag(number, 'worker/0', ask('a') | extra)
    juju.settle()
    bag = juju.bag(number, 'master/0')
    own = json.loads(bag.pop('creds'))['system:node:a']
    assert own == {**entry('worker/0', 'k-system:node:a'), 'proxy_token': 'proxy', 'client_token': 'client'}
    assert bag == {**DNS, 'cluster-tag': 'kubernetes-abc', 'registry-location': 'registry.example/cdk'}


def test_our_master_can_satisfy_a_worker_of_2022(juju: Any) -> None:
    def modern(hook: Any) -> None:
        master(hook)

        @hook.when('kube-control.connected')  # type: ignore[untyped-decorator]
        def tell_more(kube_control: Any) -> None:
            kube_control.set_extra(api_endpoints=['https://10.0.0.1:6443'], default_cni='', has_xcp=False)

    provider(juju, handlers=modern)
    by_hand(juju, 'worker')
    juju.add_unit('master'), juju.add_unit('worker')
    number = juju.relate('master', 'worker')
    juju.write_bag(number, 'worker/0', ask('a'))
    juju.settle()
    bag = juju.bag(number, 'master/0')
    mandatory = {'api-endpoints', 'cluster-tag', 'creds', 'default-cni', 'domain', 'enable-kube-dns', 'has-xcp', 'port'}
    assert mandatory | {'registry-location'} <= set(bag)
    parsed = {key: json.loads(bag[key]) for key in ('api-endpoints', 'default-cni', 'has-xcp', 'creds')}
    assert parsed['api-endpoints'] == ['https://10.0.0.1:6443'] and parsed['has-xcp'] is False


# ---- cost


def test_a_hook_about_one_worker_asks_that_worker_only(juju: Any) -> None:
    number = cluster(juju, workers=5)
    juju.write_bag(number, 'worker/3', {'gpu': 'True'})
    (result,) = juju.settle()
    asked = {tool.split()[-1] for tool in result.tools if tool.startswith('relation-get')}
    assert asked == {'worker/3', 'master/0'}
    assert 'gpu.available' in flags(juju, 'master/0')


def test_a_worker_whose_hook_was_skipped_is_heard_in_the_next_full_look(juju: Any) -> None:
    number = public_workers(juju, 'a')
    juju.write_bag(number, 'worker/0', ask('b'))
    juju.relations[number].members['master/0']['worker/0'] = juju.relations[number].versions['worker/0']
    juju.run('master/0', 'config-changed')
    assert list(creds(juju, number, 'master/0')) == ['system:node:b']


def test_a_hook_with_nothing_to_do_writes_nothing_and_asks_no_worker(juju: Any) -> None:
    number = cluster(juju, workers=3)
    tools = juju.run('master/0', 'update-status').tools
    assert [tool for tool in tools if tool.startswith('relation-set')] == []
    asked = [tool for tool in tools if tool.startswith('relation-get')]
    assert asked == [f'relation-get --format=json -r kube-control:{number} - master/0']


# ---- failure modes, as far as the interface alone decides them


def public_master(juju: Any, units: int = 2) -> int:
    """Relate our worker to a control plane played by hand; return the relation's number."""
    requirer(juju)
    by_hand(juju, 'master')
    for app in ('worker', *['master'] * units):
        juju.add_unit(app)
    number: int = juju.relate('master', 'worker')
    juju.settle()
    return number


def public_workers(juju: Any, *names: str) -> int:
    """Relate workers played by hand to our master, each asking for its name; return the relation's number."""
    provider(juju)
    by_hand(juju, 'worker')
    juju.add_unit('master')
    for _ in names:
        juju.add_unit('worker')
    number: int = juju.relate('master', 'worker')
    for index, name in enumerate(names):
        juju.write_bag(number, f'worker/{index}', ask(name))
    juju.settle()
    return number


def signed(unit: str = 'worker/0', token: str = 'k') -> dict[str, str]:  # noqa: S107
    return {'creds': json.dumps({'system:node:worker-0': entry(unit, token)})}


def tokens(juju: Any, hooks: int = 1) -> set[str | None]:
    """Return the kubelet tokens our worker takes over some hooks; None for none."""
    found = set()
    for _ in range(hooks):
        taken = notes([juju.run('worker/0', 'update-status')], 'auth')
        found |= {note[0]['kubelet_token'] if note[0] else None for note in taken} or {None}
    return found


def test_fm_01_creds_broadcast_to_everyone(juju: Any) -> None:
    first = public_workers(juju, 'a', 'b')
    by_hand(juju, 'gpu-worker')
    juju.add_unit('gpu-worker')
    second = juju.relate('master', 'gpu-worker')
    juju.write_bag(second, 'gpu-worker/0', ask('c'))
    juju.settle()
    assert set(creds(juju, first, 'master/0')) == {'system:node:a', 'system:node:b'}
    assert set(creds(juju, second, 'master/0')) == {'system:node:c'}


def test_fm_01_what_an_older_revision_broadcast_is_taken_back(juju: Any) -> None:
    number = public_workers(juju, 'a')
    everybody = {'system:node:a': entry('worker/0'), 'system:node:x': entry('other/7')}
    juju.write_bag(number, 'master/0', {'creds': json.dumps(everybody)})
    juju.run('master/0', 'upgrade-charm')
    assert creds(juju, number, 'master/0') == {'system:node:a': entry('worker/0')}


def test_fm_02_new_master_does_not_resend(juju: Any) -> None:
    number = cluster(juju, masters=2, workers=2)
    before = creds(juju, number, 'master/0')
    juju.remove_unit('master/0')
    juju.settle()
    juju.run('master/1', 'leader-elected')
    assert creds(juju, number, 'master/1') == before


def test_fm_02_a_public_leader_that_never_resends_leaves_the_worker_its_credentials(juju: Any) -> None:
    number = public_master(juju)
    juju.write_bag(number, 'master/0', {**DNS, **signed()})
    juju.settle()
    juju.write_bag(number, 'master/1', {**DNS, 'cluster-tag': 't'})
    juju.remove_unit('master/0')
    juju.settle()
    assert tokens(juju, hooks=2) == {'k'}
    juju.write_bag(number, 'master/1', signed(token='renewed'))
    juju.settle()
    assert tokens(juju) == {'renewed'}


def test_fm_03_reused_hostname_no_creds(juju: Any) -> None:
    number = public_workers(juju, 'h')
    juju.remove_unit('worker/0')
    unit = juju.add_unit('worker')
    juju.write_bag(number, unit, ask('h'))
    juju.settle()
    juju.run('master/0', 'update-status')
    assert creds(juju, number, 'master/0')['system:node:h']['scope'] == unit


def test_fm_04_second_writer_overwrites_creds(juju: Any) -> None:
    number = public_workers(juju, 'a', 'b', 'c')
    found = {user: value['kubelet_token'] for user, value in creds(juju, number, 'master/0').items()}
    assert found == {f'system:node:{name}': f'k-system:node:{name}' for name in 'abc'}


def test_fm_05_request_read_outside_its_hook(juju: Any) -> None:
    def not_ready(hook: Any) -> None:
        pass

    provider(juju, handlers=not_ready)
    by_hand(juju, 'worker')
    juju.add_unit('master'), juju.add_unit('worker')
    number = juju.relate('master', 'worker')
    juju.write_bag(number, 'worker/0', ask('a'))
    juju.settle()
    juju.apps['master'].handlers = master
    assert notes([juju.run('master/0', 'update-status')], 'signed') == [('worker/0', 'system:node:a', 'system:nodes')]


@pytest.mark.parametrize(
    'written',
    [
        '',
        '{',
        '[]',
        '"x"',
        'null',
        '{"system:node:worker-0": 7}',
        '{"other": {"scope": "worker/1"}}',
        json.dumps({'system:node:worker-0': entry('worker/0') | {'proxy_token': ''}}),
    ],
    ids=['empty', 'broken', 'list', 'text', 'null', 'number', 'others', 'incomplete'],
)
def test_fm_06_creds_not_usable_yet(juju: Any, written: str) -> None:
    number = public_master(juju)
    juju.write_bag(number, 'master/0', {'creds': written, 'cluster-tag': 't'})
    juju.settle()
    assert 'auth.available' not in flags(juju, 'worker/0')
    juju.write_bag(number, 'master/1', signed())
    juju.settle()
    assert tokens(juju) == {'k'}


def test_fm_06_what_cannot_be_read_is_logged(juju: Any) -> None:
    number = public_master(juju)
    juju.write_bag(number, 'master/0', {'creds': '{'})
    assert any('ignored from master/0: creds: not JSON' in line for result in juju.settle() for line in result.log)


def test_fm_07_ex_leader_creds_shadow(juju: Any) -> None:
    number = public_master(juju)
    juju.write_bag(number, 'master/0', {'creds': json.dumps({'system:node:old': entry('worker/9')})})
    juju.write_bag(number, 'master/1', signed())
    juju.settle()
    assert tokens(juju) == {'k'}


def test_fm_08_follower_advertises_stale_creds(juju: Any) -> None:
    number = cluster(juju, masters=2)
    juju.apps['master'].leader = 'master/1'
    juju.run('master/1', 'leader-elected')
    juju.run('master/0', 'leader-settings-changed')
    assert 'creds' not in juju.bag(number, 'master/0')
    assert creds(juju, number, 'master/1')


def test_fm_08_the_choice_between_two_masters_is_stable(juju: Any) -> None:
    number = public_master(juju, units=11)
    juju.write_bag(number, 'master/10', signed(token='new'))
    juju.write_bag(number, 'master/2', signed(token='old'))
    juju.settle()
    assert len(tokens(juju, hooks=10)) == 1


def test_fm_09_one_master_leaves_all_flags_drop(juju: Any) -> None:
    cluster(juju, masters=3)
    before = juju.run('worker/0', 'update-status').notes
    juju.remove_unit('master/2')
    results = juju.settle()
    assert flags(juju, 'worker/0') == AVAILABLE
    assert [note for result in results for note in result.notes if note[0] in ('auth', 'dns')] == before


def test_fm_10_last_master_leaves_flags_stay(juju: Any) -> None:
    number = public_master(juju, units=1)
    juju.write_bag(number, 'master/0', {**DNS, **signed(), 'cluster-tag': 't', 'registry-location': 'r'})
    juju.settle()
    assert flags(juju, 'worker/0') == AVAILABLE
    juju.remove_unit('master/0')
    juju.settle()
    assert flags(juju, 'worker/0') == set()


def test_fm_10_a_master_that_comes_back_empty_brings_no_old_credentials(juju: Any) -> None:
    number = public_master(juju, units=1)
    juju.write_bag(number, 'master/0', {**DNS, **signed(token='old')})
    juju.settle()
    juju.remove_unit('master/0')
    juju.settle()
    juju.add_unit('master')
    juju.settle()
    assert 'auth.available' not in flags(juju, 'worker/0')
    assert tokens(juju) == {None}


def test_fm_10_a_new_relation_waits_for_its_own_credentials(juju: Any) -> None:
    number = public_master(juju, units=1)
    juju.write_bag(number, 'master/0', {**DNS, **signed(token='old')})
    juju.settle()
    juju.unrelate(number)
    juju.settle()
    by_hand(juju, 'other')
    juju.add_unit('other')
    again = juju.relate('other', 'worker')
    juju.settle()
    assert flags(juju, 'worker/0') == {'connected'}
    juju.write_bag(again, 'other/0', {**DNS, **signed(token='new')})
    juju.settle()
    assert tokens(juju) == {'new'}


@pytest.mark.parametrize('gone', [['worker/1'], ['worker/2', 'worker/0'], ['worker/0', 'worker/1', 'worker/2']])
def test_fm_11_tokens_never_revoked(juju: Any, gone: list[str]) -> None:
    number = public_workers(juju, 'a', 'b', 'c')
    for unit in gone:
        juju.remove_unit(unit)
    results = [*juju.settle(), juju.run('master/0', 'update-status')]
    left = {value['scope'] for value in creds(juju, number, 'master/0').values()}
    assert left == {'worker/0', 'worker/1', 'worker/2'} - set(gone)
    assert sorted(notes(results, 'departed')) == sorted((unit,) for unit in gone)


def test_fm_11_a_whole_application_leaves(juju: Any) -> None:
    number = public_workers(juju, 'a', 'b')
    juju.unrelate(number)
    results = juju.settle()
    assert sorted(notes(results, 'departed')) == [('worker/0',), ('worker/1',)]
    assert flags(juju, 'master/0') == set()


def test_fm_12_identity_clash(juju: Any) -> None:
    number = public_workers(juju, 'a')
    unit = juju.add_unit('worker')
    juju.write_bag(number, unit, ask('a'))
    assert set(notes(juju.settle(), 'refused')) == {('worker/1', 'system:node:a', 'system:nodes')}
    assert creds(juju, number, 'master/0')['system:node:a']['scope'] == 'worker/0'


def test_fm_12_the_clash_is_seen_across_applications(juju: Any) -> None:
    public_workers(juju, 'a')
    by_hand(juju, 'gpu-worker')
    juju.add_unit('gpu-worker')
    second = juju.relate('master', 'gpu-worker')
    juju.write_bag(second, 'gpu-worker/0', ask('a'))
    assert notes(juju.settle(), 'refused')[0][0] == 'gpu-worker/0'
    assert creds(juju, second, 'master/0') == {}


def test_fm_12_a_worker_does_not_take_its_neighbours_credentials(juju: Any) -> None:
    number = public_master(juju)
    juju.write_bag(number, 'master/0', signed(unit='worker/1'))
    juju.settle()
    assert 'auth.available' not in flags(juju, 'worker/0')


def test_fm_13_dns_off_workers_wait(juju: Any) -> None:
    def without_dns(hook: Any) -> None:
        @hook.when('kube-control.connected')  # type: ignore[untyped-decorator]
        def tell(kube_control: Any) -> None:
            kube_control.set_dns(53, 'cluster.local', None, enable_kube_dns=False)

    provider(juju, handlers=without_dns)
    requirer(juju)
    juju.add_unit('master'), juju.add_unit('worker')
    number = juju.relate('master', 'worker')
    told = notes(juju.settle(), 'dns')[-1][0]
    assert juju.bag(number, 'master/0') == {'port': '53', 'domain': 'cluster.local', 'enable-kube-dns': 'False'}
    assert (told['enable-kube-dns'], told['sdn-ip']) == (False, None)


@pytest.mark.parametrize('text', ['False', 'false', 'FALSE'])
def test_fm_14_dns_off_read_as_true(juju: Any, text: str) -> None:
    number = public_master(juju)
    juju.write_bag(number, 'master/0', DNS | {'enable-kube-dns': text, 'sdn-ip': '10.1.0.10'})
    told = notes(juju.settle(), 'dns')[-1][0]
    assert (told['enable-kube-dns'], told['sdn-ip']) == (False, None)


def test_fm_15_dns_change_not_restarted(juju: Any) -> None:
    number = public_master(juju)
    juju.write_bag(number, 'master/0', DNS | {'sdn-ip': '10.1.0.10'})  # an ex-leader's
    juju.write_bag(number, 'master/1', DNS | {'sdn-ip': '10.1.0.10'} | signed())
    juju.settle()
    juju.write_bag(number, 'master/1', {'sdn-ip': '10.1.0.99'})
    assert notes(juju.settle(), 'dns')[-1][0]['sdn-ip'] == '10.1.0.99'


def test_fm_16_once_per_connect_data(juju: Any) -> None:
    number = cluster(juju)
    whole = juju.bag(number, 'master/0')
    juju.write_bag(number, 'master/0', dict.fromkeys(['cluster-tag', 'creds', 'sdn-ip'], ''))
    juju.run('master/0', 'update-status')
    assert juju.bag(number, 'master/0') == whole
    juju.write_bag(number, 'worker/0', {'kubelet_user': ''})
    juju.run('worker/0', 'update-status')
    assert juju.bag(number, 'worker/0')['kubelet_user'] == 'system:node:worker-0'


def test_fm_17_cluster_tag_absent(juju: Any) -> None:
    number = public_master(juju)
    juju.write_bag(number, 'master/0', {**DNS, **signed()})
    juju.settle()
    assert 'cluster_tag.available' not in flags(juju, 'worker/0')
    juju.write_bag(number, 'master/1', {'cluster-tag': 'kubernetes-abc'})
    juju.settle()
    assert 'cluster_tag.available' in flags(juju, 'worker/0')
