"""The agent's command line and unit: what the agent itself and systemd read back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from charms.layer.hub_registration import agent, settings
from hypothesis import given
from hypothesis import strategies as st
from spoke import _cli, _features, _flags
from spoke._options import AgentOptions, ProcessOptions, SpokeAgentOptions

FULL = settings.Settings(
    cluster_name='edge-7',
    external_urls=('https://a:6443', 'https://b'),
    annotations={'agent.open-cluster-management.io/site': 'b 2 = "$HOME" 100%'},
    feature_gates={'AddonManagement': False},
    extra_args={'max-custom-cluster-claims': '5', 'v': '2'},
)


def parsed(flags: list[str]) -> tuple[SpokeAgentOptions, AgentOptions, ProcessOptions]:
    """Return what `spoke agent` understands."""
    options, common, process = SpokeAgentOptions(), AgentOptions(), ProcessOptions()
    parser = _flags.Parser(prog='spoke agent')
    for each in (options, common, process):
        each.add_flags(parser)
    parser.parse_args(flags)
    return options, common, process


def test_the_agent_understands_what_the_operator_wants() -> None:
    options, common, process = parsed(agent.arguments('edge-7', 'abcde', FULL))
    assert options.faults() == process.faults() == []
    assert options.spoke_external_server_urls == ['https://a:6443', 'https://b']
    assert options.cluster_annotations == FULL.annotations
    assert options.max_custom_cluster_claims == 5
    assert (common.spoke_cluster_name, common.agent_id) == ('edge-7', 'abcde')
    assert process.feature_gates == {'AddonManagement': False}
    assert process.disable_leader_election and process.restart_in_place and process.listen.startswith('127.0.0.1:')


OPTIONS = Path(agent.__file__).parents[4] / 'config.yaml'
NOBODYS = {  # flags that neither the charm gives nor an operator may
    'cluster-name': 'another spelling of spoke-cluster-name',
    'spoke-kubeconfig': 'the cluster that joins is the one whose secrets the agent keeps',
    'hub-kubeconfig': 'it lies in the folder',
    'terminate-on-files': 'the charm starts the agent anew when a file has changed',
    'leader-election-lease-duration': "the agent runs on Juju's leader",
    'leader-election-renew-deadline': 'the same',
    'leader-election-retry-period': 'the same',
    'bootstrap-kubeconfigs': 'a cluster joins one hub',
    'hub-connection-timeout-seconds': 'the same',
    'fleet': 'the same agent for one cluster only',
    'vmodule': 'without effect',
    'log-flush-frequency': 'without effect',
    'version': 'no agent runs',
    'help': 'no agent runs',
}


def test_every_flag_of_the_agent_is_the_charms_or_the_operators_or_nobodys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _cli.main(['agent', '--help'])
    known = set(re.findall(r'--([a-z][a-z-]*)', capsys.readouterr().out.partition('\noptions:')[2]))
    charms = {flag.removeprefix('--').partition('=')[0] for flag in agent.arguments('edge-7', 'abcde', FULL)}
    charms -= set(FULL.extra_args or {})
    assert known == charms | set(settings.EXTRA) | set(NOBODYS)
    assert not charms & set(settings.EXTRA)


@pytest.mark.parametrize('flag', sorted(settings.EXTRA))
def test_the_agent_understands_every_argument_that_an_operator_may_give(flag: str) -> None:
    value = {'cluster-healthcheck-period': '30s', 'cluster-unavailable-after': '1m30s'}.get(flag, '3600')
    config = {'hub-extra-args': f'{flag}={value}'}
    reading = settings.read(config, {})
    assert not reading.faults
    options, _, _ = parsed(agent.arguments('edge-7', 'abcde', reading.settings))
    assert options.faults() == []
    assert flag in yaml.safe_load(OPTIONS.read_text())['options']['hub-extra-args']['description']


def test_an_operator_may_name_every_gate_but_that_of_several_hubs() -> None:
    assert {*settings.GATES, agent.SEVERAL_HUBS} == {*_features.GATES, 'AllAlpha', 'AllBeta'}
    all_on = settings.Settings(feature_gates={'AllAlpha': True})
    _, _, process = parsed(agent.arguments('edge-7', 'abcde', all_on))
    assert not _features.is_on(process.feature_gates, agent.SEVERAL_HUBS)


def words(line: str) -> list[str]:
    """Return the words of an ExecStart line as systemd.service(5) and systemd.syntax(7) read it."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line)
    unescaped = [re.sub(r'\\(.)', r'\1', quoted) if quoted else plain for quoted, plain in found]
    return [word.replace('%%', '%').replace('$$', '$') for word in unescaped]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_systemd_reads_back_every_word(value: str) -> None:
    flag = f'--cluster-annotations=a={value}'
    command = next(line for line in agent.unit('/p', [flag]).splitlines() if line.startswith('ExecStart='))
    assert words(command.removeprefix('ExecStart=')) == [agent.PYTHON, '-m', 'spoke', 'agent', flag]


def test_figures_are_read_past_labels_and_comments() -> None:
    text = '# HELP a x\na 1.5\nb{c="d"} 2\nbroken\nspoke_joined 1\n'
    assert agent.figures(text) == {'a': 1.5, 'spoke_joined': 1.0}
