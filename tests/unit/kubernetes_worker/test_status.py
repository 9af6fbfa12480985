import dataclasses
import itertools

import pytest
from charms.layer.kubernetes_common import options
from charms.layer.kubernetes_worker import status
from charms.layer.kubernetes_worker.facts import Relations
from charms.layer.kubernetes_worker.status import Observed, Status
from samples import READY, lacking

RELATED = {'kube_control': True, 'certificates': True, 'kube_api_endpoint': True, 'cni': True}


def of(facts=READY, **observed):
    return status.status(facts, Observed(**observed), 'kubernetes-worker')


def test_a_worker_that_lacks_nothing_is_active():
    assert of() == Status('active', 'Kubernetes worker running.')


@pytest.mark.parametrize(
    'endpoint, shown, peer',
    [
        ('kube_control', 'kubernetes-worker:kube-control', 'kubernetes-master:kube-control'),
        ('certificates', 'kubernetes-worker:certificates', 'easyrsa:client'),
        ('kube_api_endpoint', 'kubernetes-worker:kube-api-endpoint', 'kubeapi-load-balancer:website'),
        ('cni', 'kubernetes-worker:cni', 'flannel:cni'),
    ],
)
def test_fm_25_28_37_a_missing_relation_blocks_and_names_both_ends(endpoint, shown, peer):
    found = of(dataclasses.replace(READY, relations=Relations(**{**RELATED, endpoint: False})))
    assert found.state == 'blocked' and shown in found.message and peer in found.message


@pytest.mark.parametrize(
    'facts, named',
    [
        (lacking(ca=''), 'CA certificate from certificates'),
        (lacking(server_key=''), 'server certificate from certificates'),
        (lacking(credentials=None), 'credentials from kube-control'),
        (lacking(server=''), 'API server from kube-api-endpoint'),
        (lacking(dns=None), 'DNS data from kube-control'),
        (lacking(cidr=''), 'CNI'),
        (dataclasses.replace(READY, programs=None), 'snaps'),
        (dataclasses.replace(READY, runtime=False), 'docker'),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_fm_25_one_input_withheld_is_the_one_waited_for(facts, named):
    found = of(facts, inactive=['kubelet'])
    assert found.state == 'waiting' and named in found.message and 'kubelet' not in found.message


BAD = options.Invalid('kubelet-extra-config', 'expected a YAML mapping, got text')


def test_fm_41_a_bad_option_blocks_by_name():
    found = of(dataclasses.replace(READY, problems=(BAD,)))
    assert found == Status('blocked', 'kubelet-extra-config: expected a YAML mapping, got text')


def test_several_bad_options_are_all_named_however_long_their_reasons():
    bad = [
        options.Invalid(name, 'x' * 300)
        for name in ('kubelet-extra-args', 'proxy-extra-args', 'channel', 'snapd_refresh')
    ]
    found = of(dataclasses.replace(READY, problems=(*bad, BAD, BAD)), labels_invalid=[('novalue', 'x')])
    assert found.state == 'blocked' and len(found.message) <= status.LENGTH
    for name in (
        'kubelet-extra-args',
        'proxy-extra-args',
        'channel',
        'snapd_refresh',
        'kubelet-extra-config',
        'labels',
    ):
        assert name in found.message


def test_fm_40_every_wrong_part_of_one_option_is_named():
    wrong = [(item, f'{item!r} is not key=value') for item in ('novalue', 'other', 'third')]
    assert of(labels_invalid=wrong).message == "labels: 'novalue' is not key=value; and other, third"


def test_a_bad_option_that_never_was_good_blocks_before_anything_is_waited_for():
    facts = dataclasses.replace(lacking(ca=''), problems=(BAD,), settings=None)
    assert of(facts).state == 'blocked'


@pytest.mark.parametrize(
    'observed, state, named',
    [
        ({'failures': ['installing snap kubelet: busy']}, 'waiting', 'installing snap kubelet: busy'),
        ({'resource': 'Resource cni-amd64 is missing'}, 'blocked', 'cni-amd64'),
        ({'upgrade': 'channel 1.13/stable'}, 'blocked', 'channel 1.13/stable: run action upgrade'),
        ({'inactive': ['kubelet', 'kube-proxy']}, 'waiting', 'kubelet,kube-proxy'),
        ({'labels_invalid': [('novalue', "'novalue' is not key=value")]}, 'blocked', "labels: 'novalue'"),
        ({'labels_waiting': 'Waiting for node a'}, 'waiting', 'node a'),
        ({'paused': True}, 'maintenance', 'Paused'),
        ({'later': ['docker-logins: login at r did not succeed']}, 'waiting', 'login at r'),
        ({'notes': ['The driver does not answer.']}, 'active', 'driver'),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else '',
)
def test_each_thing_seen_has_its_status(observed, state, named):
    found = of(**observed)
    assert found.state == state and named in found.message


def test_fm_31_a_paused_unit_says_so_whatever_else_is_wrong():
    reasons = [{'failures': ['x']}, {'upgrade': 'x'}, {'inactive': ['kubelet']}, {'labels_waiting': 'x'}, {}]
    for reason in reasons:
        assert 'Paused' in of(paused=True, **reason).message


def test_fm_26_the_first_reason_wins_and_nothing_pending_passes_as_active():
    reasons = {
        'failures': ['x'],
        'resource': 'x',
        'upgrade': 'x',
        'inactive': ['x'],
        'labels_invalid': [('x', 'x')],
        'labels_waiting': 'x',
        'paused': True,
    }
    for count in range(1, len(reasons) + 1):
        for chosen in itertools.combinations(reasons, count):
            assert of(**{name: reasons[name] for name in chosen}).state != 'active'


def test_a_long_reason_is_cut():
    assert len(of(failures=['x' * 1000]).message) <= status.LENGTH


def test_fm_46_a_daemon_that_does_not_run_is_told_before_an_upgrade_that_may_wait():
    assert 'kubelet' in of(inactive=['kubelet'], upgrade='channel 1.13/stable').message
