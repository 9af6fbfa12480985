"""The parameters of the action registry, and what becomes of them."""

import base64
import json

import pytest
from charms.layer.kubernetes_worker import bcrypt, registry
from hypothesis import given
from hypothesis import strategies as st

# of passwordA, made by htpasswd -B
HASH = '$2y$05$abcdefghijklmnopqrstuufA3mPhwsN6UOr.DVxezlXEUbwzGA7U.'


def coded(text):
    return base64.b64encode(text.encode()).decode()


GOOD = {
    'domain': 'myregistry.company.com',
    'htpasswd': coded(f'userA:{HASH}\n'),
    'htpasswd-plain': coded('userA:passwordA'),
    'tlscert': coded('CERT'),
    'tlskey': coded('KEY'),
}


def test_good_parameters_are_decoded():
    parameters, faults = registry.parse(GOOD)
    assert faults == []
    assert (parameters.user, parameters.password, parameters.certificate) == ('userA', 'passwordA', 'CERT')
    assert 'passwordA' not in repr(parameters) and 'KEY' not in repr(parameters)


@pytest.mark.parametrize('name', registry.PARAMETERS)
def test_fm_64_a_missing_parameter_is_named(name):
    _, faults = registry.parse({key: value for key, value in GOOD.items() if key != name})
    assert faults == [f'{name}: is missing']


def test_fm_64_all_that_is_wrong_is_named_at_once():
    _, faults = registry.parse({**GOOD, 'domain': 'a:5000', 'tlscert': '!', 'tlskey': '%%'})
    assert [fault.partition(':')[0] for fault in faults] == ['domain', 'tlscert', 'tlskey']


@pytest.mark.parametrize(
    'name, value, reason',
    [
        ('domain', 'myregistry.company.com:5000', 'without port'),
        ('domain', 'https://my', 'without port'),
        ('domain', '-checkhost', 'without port'),
        ('tlscert', 'not base64', 'not base64'),
        ('tlskey', coded('x')[:-1], 'not base64'),
        ('htpasswd', coded('userA'), 'line 1 is not user:hash'),
        ('htpasswd', coded('userA:$apr1$x$y'), 'not hashed with bcrypt'),
        ('htpasswd', coded('userA:passwordA'), 'not hashed with bcrypt'),
        ('htpasswd', coded('# none\n'), 'holds no user'),
        ('htpasswd', coded(f'userB:{HASH}'), 'user userA is not in htpasswd'),
        ('htpasswd-plain', coded('userA'), 'one line user:password'),
        ('htpasswd-plain', coded('userA:a\nuserB:b'), 'one line user:password'),
    ],
)
def test_fm_64_each_mistake_has_its_reason(name, value, reason):
    parameters, (fault,) = registry.parse({**GOOD, name: value})
    assert parameters is None and reason in fault and 'passwordA' not in fault


@given(
    st.dictionaries(
        st.sampled_from(registry.PARAMETERS), st.text() | st.binary().map(base64.b64encode).map(bytes.decode)
    )
)
def test_fm_64_any_parameters_are_good_or_wrong(given_parameters):
    parameters, faults = registry.parse(given_parameters)
    assert (parameters is None) == bool(faults)


def test_a_password_is_the_one_of_its_hash_or_not():
    assert bcrypt.matches('passwordA', HASH)
    assert not bcrypt.matches('passwordB', HASH)
    assert not bcrypt.matches('passwordA', '$2y$nonsense')


# -- objects


def made(ingresses='networking.k8s.io/v1', **changes):
    parameters, _ = registry.parse({**GOOD, **changes})
    found = registry.things(parameters, architecture='amd64', registry='', workloads='apps/v1', ingresses=ingresses)
    return {thing.name + ('' if thing.resource != 'deployments' else '-pods'): thing for thing in found}


def test_the_pull_secret_is_in_the_form_that_docker_and_containerd_read():
    body = made()['registry-access'].body
    assert body['type'] == 'kubernetes.io/dockerconfigjson'
    logins = json.loads(base64.b64decode(body['data']['.dockerconfigjson']))['auths']
    assert set(logins) == {'myregistry.company.com', 'myregistry.company.com:5000'}
    assert base64.b64decode(logins['myregistry.company.com']['auth']) == b'userA:passwordA'


def test_an_ingress_is_made_only_if_there_is_to_be_one():
    assert 'registry-ing' in made() and 'registry-ing' not in made(ingresses='')


@pytest.mark.parametrize('group', ['extensions/v1beta1', 'networking.k8s.io/v1beta1', 'networking.k8s.io/v1'])
def test_fm_62_an_ingress_is_spelled_as_its_group_wants_it(group):
    thing = made(ingresses=group)['registry-ing']
    (path,) = thing.body['spec']['rules'][0]['http']['paths']
    backend = path['backend']
    if group.endswith('/v1'):
        assert (path['pathType'], backend['service']) == ('Prefix', {'name': 'kube-registry', 'port': {'number': 5000}})
    else:
        assert backend == {'serviceName': 'kube-registry', 'servicePort': 5000} and 'pathType' not in path


def test_fm_63_another_certificate_or_password_asks_for_another_pod():
    def template(**changes):
        return made(**changes)['kube-registry-pods'].body['spec']['template']

    assert template() == template()
    assert template() != template(tlscert=coded('OTHER'))
    assert template() != template(htpasswd=coded(f'userB:{HASH}\nuserA:{HASH}'))
    assert template() == template(domain='other.company.com')


def test_fm_63_the_pull_secrets_of_others_stay_and_ours_is_there_once():
    others = [{'name': 'mine'}]
    with_ours = registry.with_pull_secret(others)
    assert with_ours == registry.with_pull_secret(with_ours) == [*others, {'name': 'registry-access'}]
    assert registry.without_pull_secret(with_ours) == registry.without_pull_secret(others) == others
