"""What an option comes to, with programs that take it or not; any text at all is read or refused by name."""

import dataclasses
import shlex

import pytest
import yaml
from charms.layer.kubernetes_worker import daemons, paths, settings
from charms.layer.kubernetes_worker.facts import Program, Programs
from hypothesis import given
from hypothesis import strategies as st
from samples import READY

KINDS = {'v': 'Level', 'max-pods': 'int32', 'node-labels': 'mapStringString', 'profiling': 'bool'}
DEFAULTS = {'kubelet-extra-args': '', 'proxy-extra-args': '', 'kubelet-extra-config': '{}', 'allow-privileged': 'true'}


def programs(minor=12):
    return Programs(*(Program(name, (1, minor, 0), KINDS) for name in ('kubelet', 'kube-proxy')))


def read(remembered=None, minor=12, **changed):
    options = {name.replace('_', '-'): value for name, value in changed.items()}
    return settings.read({**DEFAULTS, **options}, remembered or {}, programs(minor))


def test_good_options_are_in_force_and_remembered():
    found = read(kubelet_extra_args='v=2 node-labels=a=1 node-labels=b=2', kubelet_extra_config='{maxPods: 5}')
    assert found.settings.kubelet_args == {'v': '2', 'node-labels': 'a=1,b=2'}
    assert found.settings.kubelet_config == {'maxPods': 5}
    assert found.problems == ()
    assert found.good['kubelet-extra-config'] == '{maxPods: 5}'


@pytest.mark.parametrize(
    'name, good, bad',
    [
        ('kubelet-extra-args', 'v=2', 'v="'),
        ('kubelet-extra-args', 'v=2', 'v=3 nosuch=1'),
        ('kubelet-extra-args', 'v=2', 'v=3 max-pods=many'),
        ('kubelet-extra-config', '{maxPods: 5}', '[maxPods]'),
        ('kubelet-extra-config', '{maxPods: 5}', '{maxPods: 6, max-pods: 6}'),
        ('proxy-extra-args', 'v=2', 'v=3 --'),
        ('allow-privileged', 'false', 'maybe'),
    ],
)
def test_what_was_good_last_stays_whole_while_an_option_is_bad(name, good, bad):
    first = settings.read({**DEFAULTS, name: good}, {}, programs())
    second = settings.read({**DEFAULTS, name: bad}, first.good, programs())
    assert second.settings == first.settings
    assert [problem.option for problem in second.problems] == [name]
    assert name not in second.good
    third = settings.read({**DEFAULTS, name: good}, first.good, programs())
    assert third == first


def test_fm_45_what_a_newer_program_lacks_is_left_out_and_comes_back_with_the_older():
    option = 'kubelet-extra-args'
    before = settings.read({**DEFAULTS, option: 'v=2 cadvisor-port=0'}, {}, programs(11))
    assert before.settings.kubelet_args == {'v': '2', 'cadvisor-port': '0'}
    after = settings.read({**DEFAULTS, option: 'v=2 cadvisor-port=0'}, before.good, programs(12))
    assert after.settings.kubelet_args == {'v': '2'}
    assert 'it went with 1.12' in str(after.problems[0])
    assert settings.read({**DEFAULTS, option: 'v=2 cadvisor-port=0'}, before.good, programs(11)) == before


def test_a_bad_option_that_was_never_good_leaves_no_settings_or_what_can_be_used_of_it():
    assert read(kubelet_extra_config='[x]').settings is None
    assert read(kubelet_extra_args='v=2 nosuch=1').settings.kubelet_args == {'v': '2'}


def test_a_remembered_text_that_cannot_be_read_any_more_counts_for_nothing():
    assert read({'kubelet-extra-config': '[x]'}, kubelet_extra_config='[y]').settings is None


def test_nothing_is_remembered_before_the_programs_are_there():
    assert settings.read({**DEFAULTS, 'kubelet-extra-args': 'nosuch=1'}, {}, None).good == {}


ARGUMENT = st.builds('{}={}'.format, st.sampled_from(['v', 'node-labels']), st.text().map(shlex.quote))
ODD = ARGUMENT | st.text() | st.from_regex(r'[-a-z_=" {}\[\]:,&*!|>\n]*', fullmatch=True)


@given(
    st.fixed_dictionaries(dict.fromkeys(DEFAULTS, ODD)),
    st.fixed_dictionaries(dict.fromkeys(DEFAULTS, ODD)),
    st.integers(9, 36),
)
def test_any_text_in_every_option_is_read_or_refused_by_name(texts, others, minor):
    found = settings.read(texts, {}, programs(minor))
    assert {problem.option for problem in found.problems} | set(found.good) == set(DEFAULTS)
    again = settings.read(others, found.good, programs(minor))
    assert all(str(problem).startswith(f'{problem.option}: ') for problem in again.problems)


@given(st.fixed_dictionaries(dict.fromkeys(DEFAULTS, ODD)), st.integers(9, 36))
def test_what_any_text_comes_to_can_be_written_and_run_with(texts, minor):
    found = settings.read(texts, {}, programs(minor)).settings
    if found is None:
        return
    for daemon in daemons.desired(dataclasses.replace(READY, programs=programs(minor), settings=found)):
        assert all(value.isprintable() and '"' not in value for value in daemon.arguments.values())
        for file in daemon.files:
            assert file.text.encode() and (
                file.path != paths.KUBELET_CONFIG or yaml.safe_load(file.text) == daemon.config
            )
