import contextlib
import shlex

import pytest
from charms.layer.kubernetes_common import arguments
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.from_regex(r'[a-z][a-z0-9-]{0,12}', fullmatch=True)


@pytest.mark.parametrize(
    'text, flags',
    [
        ('', {}),
        ('  \n ', {}),
        ('profiling', {'profiling': 'true'}),
        (
            'runtime-config=batch/v2alpha1=true profiling=true',
            {'runtime-config': 'batch/v2alpha1=true', 'profiling': 'true'},
        ),
        ('--v=4 -v=5', {'v': '5'}),
        ('feature-gates=A=true,B=false', {'feature-gates': 'A=true,B=false'}),
        (
            "eviction-hard='memory.available<200Mi, nodefs.available<10%'",
            {'eviction-hard': 'memory.available<200Mi, nodefs.available<10%'},
        ),
        ('node-labels=', {'node-labels': ''}),
    ],
)
def test_fm_42_arguments_are_what_a_shell_would_split(text, flags):
    assert arguments.parse(text) == flags


def test_a_repeated_list_is_joined_and_of_any_other_flag_the_last_wins():
    text = 'node-labels=a=1 v=2 --node_labels=b=2 v=3'
    assert arguments.parse(text, joined={'node-labels'}) == {'node-labels': 'a=1,b=2', 'v': '3'}


@pytest.mark.parametrize('value', ['x"y', 'x\\y', 'x\ny', 'x\0y'], ids=ascii)
def test_fm_42_a_value_that_no_argument_of_a_snap_can_have_is_refused(value):
    with pytest.raises(ValueError, match="'v' has a double quote"):
        arguments.parse(f'v={shlex.quote(value)}')


@pytest.mark.parametrize('text', ['a="b', "it's", '--', '=x', '_'])
def test_fm_42_text_without_a_meaning_is_refused(text):
    with pytest.raises(ValueError, match=r'quotation|escaped|flag name'):
        arguments.parse(text)


FIT = st.characters(exclude_characters='"\\').filter(str.isprintable)


@given(st.dictionaries(NAMES, st.text(FIT, max_size=20)))
def test_quoted_arguments_come_back_as_they_were(flags):
    assert arguments.parse(' '.join(shlex.quote(f'--{name}={value}') for name, value in flags.items())) == flags


@given(st.text())
def test_any_text_is_parsed_or_refused(text):
    with contextlib.suppress(ValueError):
        assert all(name and not name.startswith('-') for name in arguments.parse(text))
