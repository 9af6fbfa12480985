"""What joining makes in a cluster and leaving takes away, on an API server that enforces rights."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from charms.layer.hub_registration import ACCOUNT, NAMESPACE, agent, cluster, objects, settings
from charms.layer.kubernetes_common import api
from hypothesis import given
from hypothesis import strategies as st

from tests.contract import _programs
from tests.unit.hub_registration.conftest import end_namespace, old_cluster

APP = 'kubernetes-master'
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def names(client: api.Client) -> dict[str, list[str]]:
    """Return all objects that joining may make, by collection."""
    found = {}
    for collection, group in (
        ('namespaces', 'v1'),
        ('secrets', 'v1'),
        ('serviceaccounts', 'v1'),
        ('clusterroles', objects.RBAC),
        ('clusterrolebindings', objects.RBAC),
        ('roles', objects.RBAC),
        ('rolebindings', objects.RBAC),
        ('customresourcedefinitions', objects.DEFINITIONS[0]),
    ):
        found[collection] = sorted(each['metadata']['name'] for each in client.list(collection, group=group))
    return found


@contextlib.contextmanager
def filling(client: api.Client) -> Iterator[None]:
    """Do what the controller manager does with the secret for the agent's token, once somebody has made it."""

    def fill() -> None:
        where = {'namespace': NAMESPACE}
        _programs.eventually(lambda: agent.TOKEN_SECRET in names(client)['secrets'])
        data = {'token': base64.b64encode(b'a token').decode()}
        client.patch('secrets', agent.TOKEN_SECRET, {'data': data}, **where)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        filled = pool.submit(fill)
        yield
        filled.result()


def test_leaving_takes_away_all_that_joining_made(client: api.Client) -> None:
    before = names(client)
    wanted = settings.Settings(claims={'site': 'b2', 'rack': '7'})
    for _ in range(2):  # any hook may come again
        assert cluster.converge(client, APP, wanted) == ''
        cluster.keep_bootstrap(client, APP, 'kubeconfig: yes')
        with filling(client):
            assert cluster.token(client, APP, 60.0) == 'a token'
    assert names(client) != before
    assert cluster.kept_bootstrap(client) == 'kubeconfig: yes'
    cluster.keep_bootstrap(client, APP, 'kubeconfig: another')
    assert cluster.kept_bootstrap(client) == 'kubeconfig: another'
    for name in (agent.HUB_SECRET, f'{agent.HUB_SECRET}-pending'):
        client.create('secrets', {'metadata': {'name': name}}, namespace=NAMESPACE)
    label = {objects.CLUSTER_LABEL: 'edge-7'}
    client.create('secrets', {'metadata': {'name': 'addon', 'labels': label}}, namespace='default')
    for _ in range(2):
        cluster.leave(client, APP, 'edge-7')
    end_namespace(client)
    assert names(client) == before


def test_an_account_without_a_token_is_told_from_one_with(client: api.Client) -> None:
    cluster.converge(client, APP, settings.Settings())
    with pytest.raises(cluster.NotYet, match='kube-controller-manager has put no token'):
        cluster.token(client, APP, 0.0)
    secret = client.get('secrets', agent.TOKEN_SECRET, namespace=NAMESPACE)
    account = client.get('serviceaccounts', ACCOUNT, namespace=NAMESPACE)
    assert secret['metadata']['annotations']['kubernetes.io/service-account.name'] == account['metadata']['name']


def test_a_user_that_was_let_in_by_another_revision_is_let_in_no_more(client: api.Client) -> None:
    cluster.converge(client, APP, settings.Settings())
    binding = objects.rights(APP, settings.Settings())[1]
    former = {**binding.body, 'subjects': [{'kind': 'User', 'name': 'hub-registration'}]}
    client.replace(binding.collection, binding.name, former, group=binding.group)
    cluster.converge(client, APP, settings.Settings())
    found = client.get(binding.collection, binding.name, group=binding.group)
    assert found['subjects'] == [{'kind': 'ServiceAccount', 'name': ACCOUNT, 'namespace': NAMESPACE}]


def test_what_somebody_deleted_or_changed_is_made_again_and_the_rest_is_not_written(client: api.Client) -> None:
    wanted = settings.Settings(claims={'site': 'b2'})

    def make() -> dict[str, str]:
        """Return the versions of all that was made, by kind and name."""
        cluster.converge(client, APP, wanted)
        cluster.keep_bootstrap(client, APP, 'kubeconfig: yes')
        with contextlib.suppress(cluster.NotYet):
            cluster.token(client, APP, 0.0)
        made = [*objects.rights(APP, wanted), objects.account(APP), *objects.claims(APP, wanted.claims or {})]
        made += [objects.secret(APP, agent.BOOTSTRAP_SECRET, {}), objects.token(APP, agent.TOKEN_SECRET)]
        return {f'{each.collection}/{each.name}': found(each)['metadata']['resourceVersion'] for each in made}

    def found(placed: objects.Placed) -> dict[str, Any]:
        return dict(client.get(placed.collection, placed.name, namespace=placed.namespace, group=placed.group))

    before = make()
    assert make() == before
    (widest, _, role, binding), claim = objects.rights(APP, wanted), objects.claims(APP, {'site': 'b2'})[0]
    client.delete('secrets', agent.TOKEN_SECRET, namespace=NAMESPACE)
    client.delete(binding.collection, binding.name, namespace=NAMESPACE, group=binding.group)
    client.replace(widest.collection, widest.name, {**found(widest), 'rules': []}, group=widest.group)
    client.replace(
        role.collection,
        role.name,
        {**found(role), 'rules': role.body['rules'] * 2},
        namespace=NAMESPACE,
        group=role.group,
    )
    client.replace(claim.collection, claim.name, {**found(claim), 'spec': {'value': 'b3'}}, group=claim.group)
    after = make()
    changed = {f'{each.collection}/{each.name}' for each in (widest, role, binding, claim)}
    assert {key for key in after if after[key] != before[key]} == {*changed, f'secrets/{agent.TOKEN_SECRET}'}
    assert [found(each)['rules'] for each in (widest, role)] == [widest.body['rules'], role.body['rules']]
    assert (found(claim)['spec'], found(binding)['subjects']) == ({'value': 'b2'}, binding.body['subjects'])
    cluster.leave(client, APP, 'edge-7')


def test_a_namespace_that_is_still_being_deleted_is_said_to_be(client: api.Client) -> None:
    cluster.converge(client, APP, settings.Settings())
    cluster.leave(client, APP, 'edge-7')
    with pytest.raises(cluster.NotYet, match=f'the namespace {NAMESPACE} .* is still being deleted'):
        cluster.converge(client, APP, settings.Settings(), 0.0)
    end_namespace(client)
    assert cluster.converge(client, APP, settings.Settings(), 0.0) == ''


@given(json_values)
def test_an_object_holds_itself_and_what_it_had_before_fields_were_added(wanted: Any) -> None:
    def richer(value: Any) -> Any:
        if isinstance(value, dict):
            return {**{key: richer(each) for key, each in value.items()}, 'added by the server': 1}
        return [richer(each) for each in value] if isinstance(value, list) else value

    assert objects.holds(wanted, wanted)
    assert objects.holds(richer(wanted), wanted)
    assert objects.holds(wanted, richer(wanted)) is (richer(wanted) == wanted)


def test_a_certificate_that_was_taken_is_given_back_unless_there_is_a_new_one(client: api.Client) -> None:
    cluster.converge(client, APP, settings.Settings())
    assert cluster.take_certificate(client) is None
    cluster.give_back(client, None)
    body = {'metadata': {'name': agent.HUB_SECRET, 'labels': {'a': 'b'}}, 'data': {'tls.crt': 'b2xk'}}
    client.create('secrets', body, namespace=NAMESPACE)
    for now, then in (('', 'b2xk'), ('bmV3', 'bmV3')):
        taken = cluster.take_certificate(client)
        with pytest.raises(api.NotFound):
            client.get('secrets', agent.HUB_SECRET, namespace=NAMESPACE)
        if now:
            client.create('secrets', {**body, 'data': {'tls.crt': now}}, namespace=NAMESPACE)
        cluster.give_back(client, taken)
        found = client.get('secrets', agent.HUB_SECRET, namespace=NAMESPACE)
        assert (found['data'], found['metadata']['labels']) == ({'tls.crt': then}, {'a': 'b'})


def test_what_was_there_before_stays(client: api.Client) -> None:
    client.create('namespaces', {'metadata': {'name': NAMESPACE}})
    foreign = objects.definition(APP, objects.DEFINITIONS[0]).body
    del foreign['metadata']['labels']
    client.create('customresourcedefinitions', foreign, group=objects.DEFINITIONS[0])
    cluster.converge(client, APP, settings.Settings(claims={'site': 'b2'}))
    mine = {**objects.claims(APP, {'mine': 'x'})[0].body, 'metadata': {'name': 'mine'}}
    client.create('clusterclaims', mine, group=objects.CLAIMS)
    cluster.leave(client, APP, 'edge-7')
    assert [each['metadata']['name'] for each in client.list('clusterclaims', group=objects.CLAIMS)] == ['mine']
    assert not client.get('namespaces', NAMESPACE)['metadata'].get('deletionTimestamp')


def test_claims_follow_the_option(client: api.Client) -> None:
    def claims() -> dict[str, str]:
        found = client.list('clusterclaims', group=objects.CLAIMS)
        return {each['metadata']['name']: each['spec']['value'] for each in found}

    cluster.converge(client, APP, settings.Settings(claims={'site': 'b2', 'rack': '7'}))
    cluster.converge(client, APP, settings.Settings(claims={'site': 'b3'}))
    assert claims() == {'site': 'b3'}
    off = settings.Settings(claims={'site': 'b3'}, feature_gates={'ClusterClaim': False})
    assert 'hub-claims' in cluster.converge(client, APP, off)
    cluster.leave(client, APP, 'edge-7')


@pytest.mark.parametrize('version', ['v1.12.10', 'v1.15.12'])
def test_claims_are_defined_as_v1beta1_in_a_cluster_that_knows_no_other(version: str, tmp_path: Path) -> None:
    with old_cluster(tmp_path, version) as client:
        for wanted in ({'site': 'b2', 'rack': '7'}, {'site': 'b3'}):
            assert cluster.converge(client, APP, settings.Settings(claims=wanted)) == ''
        (claim,) = client.list('clusterclaims', group=objects.CLAIMS)
        assert (claim['metadata']['name'], claim['spec']) == ('site', {'value': 'b3'})
        served = objects.DEFINITIONS[1]
        assert objects.is_ours(client.get('customresourcedefinitions', objects.DEFINITION, group=served), APP)
        with pytest.raises(api.Invalid):
            client.create('clusterclaims', {'metadata': {'name': 'long'}, 'spec': {'value': ''}}, group=objects.CLAIMS)
        cluster.leave(client, APP, 'edge-7')
        assert client.list('customresourcedefinitions', group=served) == []


def rules(wanted: settings.Settings) -> list[dict[str, Any]]:
    return [rule for placed in objects.rights(APP, wanted) for rule in placed.body.get('rules') or []]


@pytest.mark.parametrize(('gates', 'everywhere'), [({}, True), ({'AddonManagement': False}, False)])
def test_secrets_of_other_namespaces_are_for_add_ons_only(gates: dict[str, bool], everywhere: bool) -> None:
    wide = next(each for each in objects.rights(APP, settings.Settings(feature_gates=gates)) if not each.namespace)
    assert any('secrets' in rule.get('resources', ()) for rule in wide.body['rules']) is everywhere


def test_no_right_is_a_wildcard() -> None:
    for rule in rules(settings.Settings()):
        assert '*' not in [value for values in rule.values() for value in values]
