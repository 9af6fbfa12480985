import json

import pytest
from charms.layer.kubernetes_common import options
from charms.layer.kubernetes_worker import logins
from charms.layer.kubernetes_worker.logins import Login
from hypothesis import given
from hypothesis import strategies as st

ONE = {'server': 'my.registry', 'username': 'me', 'password': 'hunter2'}


def parse(value):
    return logins.parse({'docker-logins': value if isinstance(value, str) else json.dumps(value)})


def test_empty_means_none_and_objects_become_logins():
    assert parse('') == parse('[]') == []
    assert parse([ONE]) == [Login('my.registry', 'me', 'hunter2')]
    assert 'hunter2' not in repr(parse([ONE]))


@pytest.mark.parametrize(
    'value',
    [
        'hunter2',
        {'server': 'x'},
        [ONE | {'password': 5}],
        [{key: value for key, value in ONE.items() if key != 'username'}],
        [ONE | {'password': 'hunter2\n'}],
        [ONE | {'server': '--help'}],
        [ONE | {'server': 'a b'}],
        [ONE | {'username': 'a:b'}],
        [ONE, ONE | {'server': 'https://MY.registry/v2/'}],
    ],
)
def test_fm_50_a_bad_value_names_the_option_and_never_a_password(value):
    with pytest.raises(options.Invalid) as caught:
        parse(value)
    assert str(caught.value).startswith('docker-logins: ') and 'hunter2' not in str(caught.value)


def nested(inner):
    return st.lists(inner) | st.dictionaries(st.sampled_from([*ONE, 'x']), inner)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.text(), nested))
def test_fm_50_any_value_is_good_or_invalid(value):
    try:
        parse(value)
    except options.Invalid as error:
        assert error.option == 'docker-logins'


def test_fm_49_what_is_wanted_is_entered_what_was_ours_is_left_and_what_is_by_hand_stays():
    mine, changed = Login('a', 'u', 'new'), Login('b', 'u', 'same')
    stored = {'a': Login('a', 'u', 'old').stored, 'b': changed.stored, 'hand.made': 'eHg6eA==', 'gone': 'eHg6eA=='}
    found = logins.changes([mine, changed], stored, ['a', 'gone'])
    assert found == logins.Changes(leave=('gone',), enter=(mine,))


def test_fm_24_nothing_is_done_again_whatever_the_last_value_of_the_option_was():
    login = Login('docker.io', 'u', 'p')
    assert logins.changes([login], {'https://index.docker.io/v1/': login.stored}, ['docker.io']) == logins.Changes(
        (), ()
    )


def test_a_login_that_a_credential_helper_keeps_is_not_made_in_every_hook():
    assert logins.changes([Login('a', 'u', 'p')], {'a': ''}, ['a']).enter == ()
