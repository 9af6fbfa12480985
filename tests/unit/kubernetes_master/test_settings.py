"""What an operator types may block a unit, never break it."""

from pathlib import Path

import pytest
import yaml
from charms.layer.kubernetes_master import settings
from hypothesis import given
from hypothesis import strategies as st

CHARM = Path(__file__).parents[3] / 'layers/kubernetes-master'
OPTIONS = yaml.safe_load((CHARM / 'config.yaml').read_text())['options']
OPTIONS['snapd_refresh'].setdefault('default', 'max')
DEFAULTS = {name: option.get('default') for name, option in OPTIONS.items()}
TEXTS = [name for name, option in OPTIONS.items() if option['type'] == 'string']


def read(last_good=None, **changes):
    config = {**DEFAULTS, **{name.replace('__', '-'): value for name, value in changes.items()}}
    return settings.read(config, last_good or {}, DEFAULTS)


def test_the_defaults_are_valid():
    reading = read()
    assert reading.faults == ()
    assert str(reading.settings.service_cidr) == '10.152.183.0/24'


@pytest.mark.parametrize(
    ('option', 'value'),
    [
        ('service-cidr', 'ten'),
        ('service-cidr', '10.0.0.0/30'),
        ('dns_domain', 'Cluster local'),
        ('authorization-mode', 'RBAC,Magic'),
        ('allow-privileged', 'maybe'),
        ('storage-backend', 'zookeeper'),
        ('api-extra-args', 'a="b'),
        ('audit-policy', '- a list'),
        ('extra_sans', 'good bad;name'),
        ('client_password', 'two\nlines'),
    ],
)
def test_a_bad_option_is_named_and_its_last_good_value_stays(option, value):
    good = read().valid
    bad = settings.read({**DEFAULTS, option: value}, good, DEFAULTS)
    assert [fault.option for fault in bad.faults] == [option]
    assert bad.settings == read().settings
    assert bad.valid == good


def test_what_was_good_before_wins_over_the_default():
    before = read(dns_domain='example.org').valid
    assert read(before, dns_domain='not a domain').settings.dns_domain == 'example.org'


@given(st.sampled_from(TEXTS), st.text(max_size=60))
def test_no_text_in_any_option_raises(option, value):
    reading = settings.read({**DEFAULTS, option: value}, {}, DEFAULTS)
    assert {fault.option for fault in reading.faults} <= {option}


@pytest.mark.parametrize(
    ('provider', 'enabled', 'wanted'),
    [('auto', True, True), ('auto', False, False), ('none', True, False), ('kube-dns', False, True)],
)
def test_dns_is_what_the_provider_says_and_else_the_switch(provider, enabled, wanted):
    config = {**DEFAULTS, 'dns-provider': provider, 'enable-kube-dns': enabled}
    assert settings.read(config, {}, DEFAULTS).settings.dns_enabled is wanted
