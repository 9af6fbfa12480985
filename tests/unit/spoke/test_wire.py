from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from aioclustermanager.kubernetes import kubeconfig
from hypothesis import given
from hypothesis import strategies as st
from spoke import _claims, _conditions, _files, _hub_kubeconfig, _metrics, _patches, _server, _wire
from spoke._hub_kubeconfig import Hub
from spoke.addon import _lease, _registrations
from spoke.managedcluster import _status

NOW = datetime(2024, 2, 21, 9, 0, tzinfo=timezone.utc)
keys = st.text('abc', min_size=1, max_size=2)
values = st.recursive(
    st.integers() | st.text(max_size=2) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
maps = st.dictionaries(keys, values, max_size=4)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = merged(target.get(name), value)
    return target


@given(maps, maps)
def test_the_difference_makes_the_new_of_the_old(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = copy.deepcopy(old)
    assert merged(old, _patches.difference(old, new)) == new
    assert _patches.difference(new, new) == {}
    assert old == before


def test_a_status_patch_is_guarded_and_there_is_none_without_a_difference() -> None:
    read = {'metadata': {'uid': 'u', 'resourceVersion': '7', 'name': 'n'}, 'status': {'a': 1, 'b': {'c': 1}}}
    assert _patches.status_patch(read, {'a': 1, 'b': {'c': 1}}) is None
    assert _patches.status_patch(read, {'a': 1, 'b': {'c': 2}}) == {
        'metadata': {'uid': 'u', 'resourceVersion': '7'},
        'status': {'b': {'c': 2}},
    }


def test_a_condition_moves_its_time_with_its_status_only_and_leaves_others_alone() -> None:
    foreign = {'type': 'Other', 'status': 'True', 'lastTransitionTime': 'x'}
    first = _conditions.put([foreign], _conditions.condition('A', True, 'R', 'm'), NOW)
    second = _conditions.put(first, _conditions.condition('A', True, 'S', 'n'), NOW + timedelta(hours=1))
    third = _conditions.put(second, _conditions.condition('A', False, 'S', 'n'), NOW + timedelta(hours=1))
    assert [each['type'] for each in third] == ['Other', 'A']
    assert third[0] == foreign
    assert first[1]['lastTransitionTime'] == second[1]['lastTransitionTime'] == '2024-02-21T09:00:00Z'
    assert second[1]['reason'] == 'S'
    assert third[1]['lastTransitionTime'] == '2024-02-21T10:00:00Z'


claims = st.dictionaries(st.text('ab.-', min_size=1, max_size=4) | st.sampled_from(_claims.RESERVED), st.booleans())


@given(claims, st.integers(0, 5))
def test_claims_are_reserved_ones_then_custom_ones_in_byte_order_up_to_the_limit(
    found: dict[str, bool], limit: int
) -> None:
    objects = [
        {'metadata': {'name': name, 'labels': {_claims.SPOKE_ONLY: ''} if hidden else {}}, 'spec': {'value': 'v'}}
        for name, hidden in found.items()
    ]
    told = [each['name'] for each in _claims.exposed(objects, limit).claims]
    reserved = sorted(name for name, hidden in found.items() if name in _claims.RESERVED and not hidden)
    custom = sorted(
        (name for name, hidden in found.items() if name not in _claims.RESERVED and not hidden), key=str.encode
    )
    assert told == [*reserved, *custom[:limit]]
    assert _claims.exposed(objects, limit).cut == max(0, len(custom) - limit)


@pytest.mark.parametrize(
    'age_s, status', [(0, 'True'), (299, 'True'), (300, 'False'), (9999, 'False'), (None, 'Unknown')]
)
def test_an_add_on_is_as_its_lease_says(age_s: int | None, status: str) -> None:
    renewed = None if age_s is None else _wire.micro_time(NOW - timedelta(seconds=age_s))
    lease = None if renewed is None else {'spec': {'renewTime': renewed}}
    assert _lease.condition(lease, NOW, timedelta(minutes=5))['status'] == status


def test_secrets_of_add_ons_are_named_after_their_signer() -> None:
    addon = {'metadata': {'name': 'logs'}, 'spec': {}, 'status': {'registrations': [
        {'signerName': 'kubernetes.io/kube-apiserver-client'}, {'signerName': 'example.com/a/b'}, {}]}}  # fmt: skip
    found = list(_registrations.wanted(addon))
    assert [each.secret for each in found] == ['logs-hub-kubeconfig', 'logs-example.com-a-b-client-cert']
    assert {each.namespace for each in found} == {'open-cluster-management-agent-addon'}
    assert len({each.key for each in found}) == 2


hubs = st.builds(Hub, st.just('https://hub.example:6443'), st.sampled_from(['', 'http://proxy:3128']),
                 st.binary(max_size=8), st.sampled_from(['', 'hub.internal']))  # fmt: skip


@given(hubs)
def test_the_kubeconfig_of_the_hub_leads_where_the_bootstrap_file_leads(hub: Hub) -> None:
    document = yaml.safe_load(_hub_kubeconfig.rendered(hub))
    assert document['current-context'] == 'default-context'
    assert document['users'][0]['user'] == {'client-certificate': 'tls.crt', 'client-key': 'tls.key'}
    assert document['contexts'][0]['context']['namespace'] == 'configuration'
    read = _hub_kubeconfig.hub(kubeconfig.configuration(kubeconfig.merged([document])))
    assert read == hub
    assert _hub_kubeconfig.difference(hub, read) == ''


def test_an_authority_in_a_file_and_a_server_name_are_kept(tmp_path: Path) -> None:
    (tmp_path / 'ca.crt').write_bytes(b'authority')
    cluster = {'server': 'https://hub:6443', 'certificate-authority': 'ca.crt', 'tls-server-name': 'hub.internal'}
    document = {'current-context': 'c', 'contexts': [{'name': 'c', 'context': {'cluster': 'k'}}],
                'clusters': [{'name': 'k', 'cluster': cluster}]}  # fmt: skip
    (tmp_path / 'kubeconfig').write_text(yaml.safe_dump(document))
    found = _hub_kubeconfig.hub(_hub_kubeconfig.read(tmp_path / 'kubeconfig'))
    assert found == Hub('https://hub:6443', '', b'authority', 'hub.internal')


@pytest.mark.parametrize(
    'text', [b'', b'garbage', b'[', b'\xff', b'clusters: 1', b'{clusters: [], current-context: c}']
)
def test_what_is_no_kubeconfig_is_not_usable(text: bytes) -> None:
    assert not _hub_kubeconfig.is_usable(text)


def test_files_are_only_written_when_they_differ_and_leftovers_go(tmp_path: Path) -> None:
    folder = tmp_path / 'hub'
    assert _files.mirror(folder, {'tls.crt': b'a', 'kubeconfig': b'k'}) == ['tls.crt', 'kubeconfig']
    (folder / '.spoke-left').write_text('half')
    assert _files.mirror(folder, {'tls.crt': b'b', 'kubeconfig': b'k', '../no': b'x'}) == ['tls.crt']
    assert sorted(path.name for path in folder.iterdir()) == ['kubeconfig', 'tls.crt']
    assert not (tmp_path / 'no').exists()


def test_urls_are_appended_once_and_what_is_there_stays() -> None:
    there = {'spec': {'managedClusterClientConfigs': [{'url': 'https://a', 'caBundle': 'x'}]}}
    assert _wire.with_urls(there, ['https://a'], b'ca') is None
    changed = _wire.with_urls(there, ['https://a', 'https://b', 'https://b'], b'ca')
    assert changed is not None
    assert [each['url'] for each in changed['spec']['managedClusterClientConfigs']] == ['https://a', 'https://b']
    assert changed['spec']['managedClusterClientConfigs'][0]['caBundle'] == 'x'
    assert changed['spec']['hubAcceptsClient'] is False


def test_capacity_keys_of_others_stay_and_allocatable_is_ours() -> None:
    cluster = {
        'metadata': {},
        'status': {'capacity': {'cpu': '1', 'others': '5'}, 'allocatable': {'cpu': '1', 'old': '1'}},
    }
    seen = _status.Seen(_status.Health(True), 'v1.20.2', {'cpu': '3'}, {'cpu': '2'}, [])
    status = _status.status(cluster, seen, NOW)
    assert status['capacity'] == {'cpu': '3', 'others': '5'}
    assert status['allocatable'] == {'cpu': '2'}
    assert 'clusterClaims' not in status
    assert _status.status({'metadata': {}, 'status': status}, seen, NOW + timedelta(hours=1)) == status


def test_health_lists_every_check_and_fails_with_any() -> None:
    checks = {'ping': lambda: '', 'bad': lambda: 'a secret reason'}
    good = _server.health({'ping': checks['ping']}, {}, '/healthz')
    assert (good.status, good.text) == (200, 'ok')
    bad = _server.health(checks, {}, '/healthz')
    assert (bad.status, bad.text) == (500, '[+]ping ok\n[-]bad failed: reason withheld\nhealthz check failed\n')
    assert _server.health(checks, {'exclude': ['bad']}, '/healthz').status == 200
    waits = _server.health({'ping': checks['ping']}, {'verbose': ['']}, '/healthz', ['bootstrap'])
    assert (waits.status, waits.text) == (200, '[+]ping ok\n[?]bootstrap is waited for\nhealthz check passed\n')


def test_figures_are_written_as_prometheus_reads_them() -> None:
    metrics = _metrics.Metrics()
    one, two = metrics.of(cluster='a"b'), metrics.of(cluster='c')
    one.set('spoke_joined', 1)
    two.add('spoke_certificate_requests_total', outcome='issued')
    two.observe('spoke_sync_seconds', 0.2, controller='X')
    text = metrics.text()
    assert '# TYPE spoke_joined gauge\nspoke_joined{cluster="a\\"b"} 1\n' in text
    assert 'spoke_certificate_requests_total{cluster="c",outcome="issued"} 1\n' in text
    assert 'spoke_sync_seconds_bucket{controller="X",le="0.1"} 0\n' in text
    assert 'spoke_sync_seconds_bucket{controller="X",le="0.5"} 1\n' in text
    assert 'spoke_sync_seconds_bucket{controller="X",le="+Inf"} 1\n' in text
    assert 'spoke_sync_seconds_count{controller="X"} 1\nspoke_sync_seconds_sum{controller="X"} 0.2' in text
    assert text.count('# TYPE spoke_sync_seconds histogram') == 1
    with two.live('spoke_open_connections', lambda: 3.0, to='hub'):
        assert 'spoke_open_connections{cluster="c",to="hub"} 3\n' in metrics.text()
        assert two.get('spoke_open_connections', to='hub') == 3
    assert 'spoke_open_connections{' not in metrics.text()
    two.forget()
    assert 'cluster="c"' not in metrics.text()
    assert one.get('spoke_joined') == 1
