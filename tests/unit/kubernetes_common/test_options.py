import pytest
from charms.layer.kubernetes_common import options
from hypothesis import given
from hypothesis import strategies as st

# each line is the one before five times over
LAUGHS = 'a: &a [1]\n' + ''.join(
    f'{y}: &{y} [*{x}, *{x}, *{x}, *{x}, *{x}]\n' for x, y in ['ab', 'bc', 'cd', 'de', 'ef', 'fg']
)


@pytest.mark.parametrize('value', [None, '', '  ', '{}', '# nothing'])
def test_fm_41_an_empty_mapping_means_none(value):
    assert options.mapping({'kubelet-extra-config': value}, 'kubelet-extra-config') == {}


@pytest.mark.parametrize(
    'value, reason',
    [
        ('max-pods', 'expected a YAML mapping, got text'),
        ('[a, b]', 'expected a YAML mapping, got a list'),
        ('5', 'expected a YAML mapping, got a number'),
        ('{a: [}', 'expected YAML'),
        ('a: b: c', 'expected YAML'),
        ('a: !!python/object/apply:os.system ["true"]', 'could not determine a constructor'),
        ('1: a', 'expected text for every key'),
        ('a: 2018-13-40', 'expected YAML'),
        ('\x00', 'expected YAML'),
        ('{a: {1: 2}}', 'expected text for every key'),
        ('a: &a {b: *a}', 'at most 10000 values'),
        (LAUGHS, 'at most 10000 values'),
        ('[' * 5000, 'nested too deeply'),
    ],
)
def test_fm_41_what_is_no_mapping_is_refused_by_name_and_reason(value, reason):
    with pytest.raises(options.Invalid, match=f'^kubelet-extra-config: .*{reason}'):
        options.mapping({'kubelet-extra-config': value}, 'kubelet-extra-config')


@given(st.text())
def test_any_text_is_a_mapping_or_refused(text):
    try:
        assert isinstance(options.mapping({'o': text}, 'o'), dict)
    except options.Invalid as error:
        assert str(error).startswith('o: ')


def test_fm_42_unbalanced_quotes_name_the_option():
    with pytest.raises(options.Invalid, match=r'^kubelet-extra-args: no closing quotation'):
        options.arguments({'kubelet-extra-args': 'a="b'}, 'kubelet-extra-args')


def test_fm_50_bad_logins_are_refused_without_repeating_them():
    with pytest.raises(options.Invalid, match=r'^docker-logins: ') as caught:
        options.objects({'docker-logins': '[{"password": "s3cret"'}, 'docker-logins')
    assert 's3cret' not in str(caught.value)


@pytest.mark.parametrize('value, truth', [(True, True), ('True', True), ('false', False), (None, False)])
def test_a_boolean_may_come_as_text(value, truth):
    assert options.boolean({'ingress': value}, 'ingress') is truth


def test_a_choice_lists_what_it_could_be():
    with pytest.raises(options.Invalid, match="allow-privileged: expected one of auto, false, true, got 'maybe'"):
        options.choice({'allow-privileged': 'maybe'}, 'allow-privileged', ['true', 'false', 'auto'])
