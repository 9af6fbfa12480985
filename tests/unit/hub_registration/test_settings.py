"""The options of the hub: what is wrong blocks by name, and what was right before goes on."""

from __future__ import annotations

import pytest
from charms.layer.hub_registration import settings
from hypothesis import given
from hypothesis import strategies as st

NAMES = (
    'hub-cluster-name',
    'hub-external-urls',
    'hub-claims',
    'hub-annotations',
    'hub-feature-gates',
    'hub-extra-args',
)


def test_options_that_nobody_set_want_nothing() -> None:
    reading = settings.read(dict.fromkeys(NAMES, ''), {})
    assert reading.faults == ()
    assert not any((reading.settings.cluster_name, reading.settings.claims, reading.settings.extra_args))
    assert reading.settings.is_on('ClusterClaim') and reading.settings.is_on('AddonManagement')


def test_every_option_is_read() -> None:
    found = settings.read(
        {
            'hub-cluster-name': ' edge-7 ',
            'hub-external-urls': 'https://a:6443 https://[fd00::1]',
            'hub-claims': '{site: b2, racks: 7, spare: true}',
            'hub-annotations': 'agent.open-cluster-management.io/site: "b 2"',
            'hub-feature-gates': 'AddonManagement=false,ClusterClaim=true',
            'hub-extra-args': '--max-custom-cluster-claims=5 cluster-healthcheck-period=1m30s',
        },
        {},
    )
    assert found.faults == ()
    wanted = found.settings
    assert (wanted.cluster_name, wanted.external_urls) == ('edge-7', ('https://a:6443', 'https://[fd00::1]'))
    assert wanted.claims == {'site': 'b2', 'racks': '7', 'spare': 'true'}
    assert wanted.annotations == {'agent.open-cluster-management.io/site': 'b 2'}
    assert not wanted.is_on('AddonManagement')
    assert wanted.extra_args == {'max-custom-cluster-claims': '5', 'cluster-healthcheck-period': '1m30s'}


@pytest.mark.parametrize(
    ('option', 'value', 'says'),
    [
        ('hub-cluster-name', 'Edge_7', 'is no name'),
        ('hub-cluster-name', 'x' * 64, 'is no name'),
        ('hub-external-urls', 'http://a', 'is no https URL'),
        ('hub-external-urls', 'https://', 'is no https URL'),
        ('hub-external-urls', 'https://a:99999', 'is no https URL'),
        ('hub-claims', '[a]', 'expected a YAML mapping'),
        ('hub-claims', '{a: {b: c}}', "expected text for 'a'"),
        ('hub-claims', '{Site: b2}', 'is no name of an object'),
        ('hub-claims', '{site: ""}', '1 to 1024'),
        ('hub-annotations', '{site: b2}', 'does not begin with'),
        ('hub-annotations', '{agent.open-cluster-management.io/a: "b,c"}', 'comma'),
        ('hub-feature-gates', 'ClusterClaims=true', 'is none of'),
        ('hub-feature-gates', 'ClusterClaim', 'is none of'),
        ('hub-extra-args', 'agent-id=x', 'is none of'),
        ('hub-extra-args', 'client-cert-expiration-seconds=3599', 'from 3600 on'),
        ('hub-extra-args', 'cluster-healthcheck-period=0s', 'a duration'),
        ('hub-extra-args', 'cluster-unavailable-after=soon', 'a duration'),
        ('hub-extra-args', "v='", 'quot'),
    ],
)
def test_a_bad_value_is_named_and_the_last_good_one_stays_in_force(option: str, value: str, says: str) -> None:
    reading = settings.read({option: value}, {'hub-cluster-name': 'edge-7', 'hub-extra-args': 'v=2'})
    assert [fault.option for fault in reading.faults] == [option]
    assert says in str(reading.faults[0]).lower() or says in str(reading.faults[0])
    kept = {'hub-cluster-name': 'edge-7', 'hub-extra-args': 'v=2'}.get(option)
    assert reading.valid[option] == kept
    if option == 'hub-cluster-name':
        assert reading.settings.cluster_name == 'edge-7'


@given(st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_no_value_breaks_a_unit(config: dict[str, str]) -> None:
    reading = settings.read(config, {})
    again = settings.read(reading.valid, {})
    assert (again.faults, again.settings) == ((), reading.settings)
