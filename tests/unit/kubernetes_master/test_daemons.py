"""What the daemons run with, from Kubernetes 1.9 to 1.36."""

import dataclasses
from pathlib import Path

import pytest
import yaml
from charms.layer.kubernetes_master import addons, daemons, names, settings

CHARM = Path(__file__).parents[3] / 'layers/kubernetes-master'
OPTIONS = yaml.safe_load((CHARM / 'config.yaml').read_text())['options']
DEFAULTS = {name: option.get('default') for name, option in OPTIONS.items()} | {'snapd_refresh': 'max'}
FACTS = daemons.Facts((1, 12, 10), '10.152.183.0/24', '10.0.0.1', 'https://10.0.0.2:2379', 'etcd3', gpu=False)


def options(**changes):
    return settings.read({**DEFAULTS, **changes}, {}, DEFAULTS).settings


def arguments(version, **changes):
    return daemons.apiserver(dataclasses.replace(FACTS, version=version), options(**changes))


@pytest.mark.parametrize(
    ('argument', 'last', 'first_without'),
    [
        ('admission-control', (1, 9), (1, 10)),
        ('basic-auth-file', (1, 18), (1, 19)),
        ('insecure-port', (1, 19), (1, 20)),
        ('insecure-bind-address', (1, 19), (1, 20)),
        ('logtostderr', (1, 25), (1, 26)),
    ],
)
def test_an_argument_goes_with_the_version_that_drops_it(argument, last, first_without):
    assert argument in arguments(last)
    assert argument not in arguments(first_without)


@pytest.mark.parametrize('argument', ['service-account-issuer', 'service-account-signing-key-file'])
def test_what_became_mandatory_in_1_20_comes_then(argument):
    assert argument not in arguments((1, 19))
    assert argument in arguments((1, 20))


@pytest.mark.parametrize('minor', range(9, 37))
def test_plugins_are_given_once_and_only_those_the_version_has(minor):
    found = arguments((1, minor))
    lists = [found[name] for name in ('admission-control', 'enable-admission-plugins') if name in found]
    assert len(lists) == 1
    assert ('PersistentVolumeLabel' in lists[0]) is (minor <= 12)


def test_node_restriction_comes_with_node_authorization():
    assert 'NodeRestriction' in arguments((1, 12), **{'authorization-mode': 'Node,RBAC'})['enable-admission-plugins']
    assert 'NodeRestriction' not in arguments((1, 12))['enable-admission-plugins']


def test_the_operators_arguments_win():
    assert arguments((1, 12), **{'api-extra-args': 'v=9 profiling'})['v'] == '9'
    assert arguments((1, 12), **{'api-extra-args': 'v=9 profiling'})['profiling'] == 'true'


def test_with_rbac_each_controller_works_under_its_own_account():
    def given(**changes):
        return daemons.controller_manager(FACTS, options(**changes)).get('use-service-account-credentials')

    assert given(**{'authorization-mode': 'Node,RBAC'}) == 'true'
    assert given() is None


def test_auto_allows_privileged_pods_where_there_are_gpus():
    assert arguments((1, 12))['allow-privileged'] == 'false'
    assert daemons.apiserver(dataclasses.replace(FACTS, gpu=True), options())['allow-privileged'] == 'true'


def test_without_metrics_nothing_is_aggregated_and_certificates_still_name_their_users():
    found = arguments((1, 12), **{'enable-metrics': False})
    assert 'requestheader-client-ca-file' not in found
    assert found['client-ca-file'] == daemons.CA


def test_the_audit_policy_speaks_the_version_the_program_reads():
    assert daemons.audit_policy(options(), (1, 9))['apiVersion'] == 'audit.k8s.io/v1beta1'
    assert daemons.audit_policy(options(), (1, 24))['apiVersion'] == 'audit.k8s.io/v1'


def test_no_daemon_is_given_a_secret():
    for found in (daemons.apiserver(FACTS, options(client_password='hush')), daemons.scheduler(FACTS, options())):
        assert 'hush' not in ' '.join(found.values())


@pytest.mark.parametrize(
    ('version', 'changes', 'expected'),
    [
        ((1, 12), {}, 'kube-dns'),
        ((1, 14), {}, 'core-dns'),
        ((1, 14), {'dns-provider': 'kube-dns'}, 'kube-dns'),
        ((1, 14), {'dns-provider': 'none'}, 'none'),
        ((1, 12), {'enable-kube-dns': False}, 'none'),
    ],
)
def test_cluster_dns_fits_the_version(version, changes, expected):
    assert addons.dns_provider(options(**changes), version) == expected


def test_core_dns_before_1_14_is_named_as_a_fault():
    assert 'dns-provider' in addons.fault(options(**{'dns-provider': 'core-dns'}), (1, 12))
    assert addons.fault(options(), (1, 12)) == ''


def test_names_in_the_certificate_are_sorted_and_each_there_once():
    network = options().service_cidr
    found = names.sans(['10.0.0.1', '10.0.0.1', ''], 'host', network, 'cluster.local', ['extra', 'host'])
    assert found == sorted(set(found))
    assert {'10.152.183.1', 'kubernetes.default.svc.cluster.local', 'extra', 'host'} <= set(found)
