from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from juju_local.stand_ins.kube import _flags, _kubelet_settings, _version

TOOL = Path(__file__).parents[5] / 'tools' / 'write-snap-definitions'


def parse(program: str, *arguments: str, version: str = '1.12') -> dict[str, str]:
    number = _version.parse(version)
    return _flags.parse(arguments, _flags.table(program, number), number)


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['--v=4'], ('v', '4')),
        (['-v', '4'], ('v', '4')),
        (['--v', '4'], ('v', '4')),
        (['--allow-privileged'], ('allow-privileged', 'true')),
        (['--allow-privileged=F'], ('allow-privileged', 'false')),
        (['--allow_privileged=1'], ('allow-privileged', 'true')),
        (['--max-pods=5', '--max-pods=6'], ('max-pods', '6')),
        (['--cluster-dns='], ('cluster-dns', '')),
        ([], ('max-pods', '110')),
    ],
    ids=str,
)
def test_flags_are_read_as_pflag_reads_them(arguments: list[str], expected: tuple[str, str]) -> None:
    name, value = expected
    assert parse('kubelet', *arguments)[name] == value


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--nonsense'], 'unknown flag: --nonsense'),
        (['word'], 'unknown command "word"'),
        (['--max-pods'], 'flag needs an argument: --max-pods'),
        (['--max-pods=many'], 'invalid argument "many" for "--max-pods" flag: strconv.ParseInt'),
        (['--sync-frequency=1'], 'invalid argument "1" for "--sync-frequency" flag: time:'),
        (['--feature-gates=Nonsense=true'], 'unrecognized feature gate: Nonsense'),
    ],
    ids=str,
)
def test_a_wrong_command_line_is_refused_in_the_programs_words(arguments: list[str], words: str) -> None:
    with pytest.raises(_flags.FlagError) as caught:
        parse('kubelet', *arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ('program', 'flag', 'first', 'last'),
    [
        ('kubelet', 'require-kubeconfig', '1.9', '1.9'),
        ('kubelet', 'allow-privileged', '1.9', '1.14'),
        ('kubelet', 'config', '1.10', '1.36'),
        ('kubelet', 'network-plugin', '1.9', '1.23'),
        ('kubelet', 'container-runtime', '1.9', '1.26'),
        ('kubelet', 'container-runtime-endpoint', '1.9', '1.36'),
        ('kubelet', 'logtostderr', '1.9', '1.25'),
        ('kube-apiserver', 'insecure-port', '1.9', '1.23'),
        ('kube-apiserver', 'basic-auth-file', '1.9', '1.18'),
        ('kube-apiserver', 'cloud-provider', '1.9', '1.32'),
        ('kube-proxy', 'conntrack-max', '1.9', '1.14'),
    ],
)
def test_a_flag_is_there_from_its_first_to_its_last_version(program: str, flag: str, first: str, last: str) -> None:
    known = [f'1.{minor}' for minor in range(9, 37) if flag in _flags.table(program, (1, minor))]
    assert (known[0], known[-1]) == (first, last)


@pytest.mark.parametrize(('text', 'seconds'), [('1h2m3.5s', 3723.5), ('250ms', 0.25), ('0', 0)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert _flags.seconds(text) == seconds


def test_the_snaps_know_the_options_that_the_programs_know() -> None:
    loader = SourceFileLoader('write_snap_definitions', str(TOOL))
    specification = importlib.util.spec_from_loader(loader.name, loader)
    assert specification
    tool: Any = importlib.util.module_from_spec(specification)
    loader.exec_module(tool)
    for name in tool.SUMMARIES:
        stored = (tool.STORE / 'snaps' / name / 'snap.json').read_text()
        assert stored == tool.text(name), 'run tools/write-snap-definitions'


KUBELET = {'kind': 'KubeletConfiguration', 'apiVersion': 'kubelet.config.k8s.io/v1beta1'}


@pytest.mark.parametrize('config', [{}, {'clusterDNS': ['10.0.0.10']}, {'maxPods': 5}, {'unheardOf': 1}], ids=str)
def test_a_good_kubelet_configuration_is_taken(config: dict[str, Any]) -> None:
    assert _kubelet_settings.wrong({**KUBELET, **config}, (1, 20)) == ''


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_kubelet_configuration_is_taken_or_refused_with_a_reason(config: Any) -> None:
    reason = _kubelet_settings.wrong(config, (1, 20))
    assert reason == '' or len(reason) > 10
