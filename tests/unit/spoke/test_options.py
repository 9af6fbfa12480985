from __future__ import annotations

import doctest
from datetime import timedelta

import pytest
import spoke
from hypothesis import given
from hypothesis import strategies as st
from spoke import _cli, _durations, _features, _flags, _options
from spoke._options import ProcessOptions


def parsed(*words: str) -> tuple[spoke.SpokeAgentOptions, spoke.AgentOptions, ProcessOptions]:
    options, common, process = spoke.SpokeAgentOptions(), spoke.AgentOptions(), ProcessOptions()
    parser = _flags.Parser(prog='spoke agent')
    for each in (options, common, process):
        each.add_flags(parser)
    parser.parse_args(words)
    return options, common, process


def test_the_examples_of_the_options_are_as_they_say() -> None:
    failed, tried = doctest.testmod(_options)
    assert (failed, tried > 0) == (0, True)


def test_the_defaults_are_those_of_the_go_agent() -> None:
    options, common, process = parsed()
    assert options == spoke.SpokeAgentOptions()
    assert (options.bootstrap_kubeconfig_secret, options.hub_kubeconfig_secret) == (
        'bootstrap-hub-kubeconfig',
        'hub-kubeconfig-secret',
    )
    assert (options.cluster_health_check_period, options.max_custom_cluster_claims) == (timedelta(minutes=1), 20)
    assert (common.hub_kubeconfig_dir, common.kube_api_qps, common.kube_api_burst) == ('/spoke/hub-kubeconfig', 50, 100)
    assert str(common.hub_kubeconfig_file) == '/spoke/hub-kubeconfig/kubeconfig'
    assert (process.listen, process.leader_election_lease_duration) == ('0.0.0.0:8443', timedelta(seconds=137))


def test_flags_are_read_in_both_spellings_and_the_last_one_counts() -> None:
    options, common, _ = parsed(
        '--bootstrap-kubeconfig=/b', '--cluster-name', 'one', '--spoke-cluster-name=two',
        '--cluster-healthcheck-period=1m30s', '--client-cert-expiration-seconds', '86400',
    )  # fmt: skip
    assert options.bootstrap_kubeconfig == '/b'
    assert common.spoke_cluster_name == 'two'
    assert options.cluster_health_check_period == timedelta(seconds=90)
    assert options.client_cert_expiration_seconds == 86400


def test_repeated_flags_add_up_and_urls_are_not_cut_at_commas() -> None:
    options, _, process = parsed(
        '--spoke-external-server-urls=https://a?x=1,2', '--spoke-external-server-urls=https://b',
        '--cluster-annotations=a=1,b=2', '--cluster-annotations=c=3', '--terminate-on-files=/x,/y',
        '--feature-gates=ClusterClaim=false', '--feature-gates=AllAlpha=true',
    )  # fmt: skip
    assert options.spoke_external_server_urls == ['https://a?x=1,2', 'https://b']
    assert options.cluster_annotations == {'a': '1', 'b': '2', 'c': '3'}
    assert process.terminate_on_files == ['/x', '/y']
    assert process.feature_gates == {'ClusterClaim': False, 'AllAlpha': True}


@pytest.mark.parametrize('words, value', [(('--disable-leader-election',), True), ((), False),
                                          (('--disable-leader-election=false',), False)])  # fmt: skip
def test_a_switch_needs_no_value(words: tuple[str, ...], value: bool) -> None:
    assert parsed(*words)[2].disable_leader_election is value


@pytest.mark.parametrize(
    'word, message',
    [
        ('--cluster-healthcheck-period=soon', r"--cluster-healthcheck-period: 'soon' is no duration"),
        ('--max-custom-cluster-claims=many', r"--max-custom-cluster-claims: 'many' is no whole number"),
        ('--client-cert-expiration-seconds=3000000000', 'out of range for a number of 32 bits'),
        ('--cluster-annotations=novalue', r"'novalue' is no key=value"),
        ('--feature-gates=Magic=true', "unknown feature gate 'Magic'"),
        ('--feature-gates=ClusterClaim=maybe', 'feature gate ClusterClaim: expected true or false'),
        ('--no-such-flag', 'unrecognized arguments: --no-such-flag'),
        ('--bootstrap-kubeconf=/x', 'unrecognized arguments'),
    ],
)
def test_a_flag_that_cannot_be_read_is_named(word: str, message: str) -> None:
    with pytest.raises(_flags.BadFlag, match=message):
        parsed(word)


def test_09_all_that_is_wrong_is_said_at_once() -> None:
    options = spoke.SpokeAgentOptions(
        spoke_external_server_urls=['http://a', '', 'https://fine:6443'],
        cluster_health_check_period=timedelta(0),
        client_cert_expiration_seconds=3599,
        cluster_unavailable_after=timedelta(seconds=-1),
        max_custom_cluster_claims=-1,
    )
    with pytest.raises(spoke.InvalidOptions) as raised:
        options.validate()
    assert len(raised.value.faults) == 7
    for text in ('--bootstrap-kubeconfig is required', "'http://a' is invalid", "'' is invalid", '0s', '3599', '3600',
                 '--cluster-unavailable-after: -1s'):  # fmt: skip
        assert text in str(raised.value)


@pytest.mark.parametrize('seconds', [0, 3600, 2**31 - 1])
def test_a_lifetime_of_an_hour_or_none_is_fine(seconds: int) -> None:
    spoke.SpokeAgentOptions(bootstrap_kubeconfig='/b', client_cert_expiration_seconds=seconds).validate()


def test_the_health_checks_come_in_their_order_and_are_good_at_first() -> None:
    checks = spoke.SpokeAgentOptions().get_health_checkers()
    assert [check.name for check in checks] == ['bootstrap-hub-kubeconfig', 'hub-client-certificate']
    assert [check.check() for check in checks] == ['', '']


def test_two_agents_share_no_options() -> None:
    one, two = spoke.SpokeAgentOptions(), spoke.SpokeAgentOptions()
    one.spoke_external_server_urls.append('https://a')
    one.health.bootstrap.fail('gone')
    assert two.spoke_external_server_urls == []
    assert two.health.bootstrap.check() == ''


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_a_duration_is_read_back_as_it_is_shown(duration: timedelta) -> None:
    assert _durations.parse(_durations.shown(duration)) == duration


@pytest.mark.parametrize('text, seconds', [('1h', 3600), ('1m30s', 90), ('250ms', 0.25), ('0', 0), ('-1.5s', -1.5),
                                           ('1h0m0.5s', 3600.5), ('.5h', 1800)])  # fmt: skip
def test_durations_are_those_of_go(text: str, seconds: float) -> None:
    assert _durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize('text', ['', '1', 's', '1 s', '1d', '1m 30s', '--1s', '1s1'])
def test_what_go_does_not_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match='is no duration'):
        _durations.parse(text)


@pytest.mark.parametrize(
    'said, gate, on',
    [
        ('', 'ClusterClaim', True), ('', 'V1beta1CSRAPICompatibility', False), ('AllAlpha=true', 'ClusterClaim', True),
        ('AllAlpha=true', 'V1beta1CSRAPICompatibility', True), ('AllBeta=false', 'ClusterClaim', False),
        ('AllBeta=false,ClusterClaim=true', 'ClusterClaim', True), ('AllAlpha=false', 'AddonManagement', False),
    ],
)  # fmt: skip
def test_a_gate_is_as_said_of_it_then_of_its_stage_then_by_default(said: str, gate: str, on: bool) -> None:
    assert _features.is_on(_features.parse(said), gate) is on


def test_the_intervals_of_an_agent_are_those_of_the_variables_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoke, 'addon_lease_controller_sync_interval', timedelta(seconds=1))
    made = spoke.SpokeAgentConfig(spoke.AgentOptions(), spoke.SpokeAgentOptions())
    monkeypatch.setattr(spoke, 'addon_lease_controller_sync_interval', timedelta(seconds=9))
    assert made.intervals.addon_lease_controller_sync_interval == timedelta(seconds=1)


def test_help_names_each_flag_once_and_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _cli.main(['agent', '--help'])
    shown = capsys.readouterr().out
    assert shown.startswith('usage: spoke agent [flags]\n')
    assert shown.count('  --max-custom-cluster-claims VALUE') == 1
    for default in ('(default 20)', '(default 1m0s)', '(default 0.0.0.0:8443)'):
        assert default in shown
