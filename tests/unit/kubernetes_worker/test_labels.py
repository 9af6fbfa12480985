import pytest
from charms.layer.kubernetes_worker import labels
from hypothesis import given
from hypothesis import strategies as st

LABELS = st.dictionaries(st.sampled_from('abcdef'), st.sampled_from(['', '1', '2']))


@pytest.mark.parametrize(
    'text, wanted',
    [
        ('', {}),
        ('a=1  b=2\n c=3', {'a': '1', 'b': '2', 'c': '3'}),
        ('k=', {'k': ''}),
        ('example.com/role=web', {'example.com/role': 'web'}),
        ('A_b.c-d=E_f.g-h', {'A_b.c-d': 'E_f.g-h'}),
    ],
)
def test_fm_40_valid_labels_are_taken_whatever_stands_between_them(text, wanted):
    assert labels.parse(text) == labels.Parsed(wanted, ())


@pytest.mark.parametrize(
    'item, reason',
    [
        ('novalue', 'is not key=value'),
        ('a=b=c', 'more than one "="'),
        ('=x', 'needs a key'),
        ('-a=x', 'needs a key'),
        ('k$y=x', 'needs a key'),
        ('k=-v', 'needs a value'),
        ('k=' + 'x' * 64, 'needs a value'),
        ('x' * 64 + '=v', 'needs a key'),
        ('Example.com/a=x', 'prefix'),
        ('/a=x', 'prefix'),
        ('a/b/c=x', 'prefix'),
        ('ä=x', 'needs a key'),
    ],
)
def test_fm_40_an_invalid_label_is_named_and_holds_up_no_other(item, reason):
    parsed = labels.parse(f'a=1 {item} b=2')
    assert parsed.labels == {'a': '1', 'b': '2'}
    ((named, told),) = parsed.problems
    assert named == item and reason in told and item[:20] in told


@given(st.text())
def test_any_text_is_parsed(text):
    parsed = labels.parse(text)
    assert len(parsed.problems) + len(parsed.labels) <= len(text.split())


def apply(present, changes):
    return {key: value for key, value in {**present, **changes}.items() if value is not None}


@given(LABELS, LABELS, LABELS)
def test_fm_39_a_patch_brings_what_is_wanted_and_takes_only_what_was_ours(wanted, applied, foreign):
    foreign = {key: value for key, value in foreign.items() if key not in applied and key not in wanted}
    present = {**applied, **foreign}
    after = apply(present, labels.patch(wanted, applied, present))
    assert after == {**foreign, **wanted}
    assert labels.patch(wanted, applied, after) == {}


def test_every_node_tells_its_application():
    assert labels.own('kubernetes-worker', {'a': '1'}, gpu=False) == {'a': '1', 'juju-application': 'kubernetes-worker'}


def test_fm_48_gpu_labels_follow_the_hardware():
    assert labels.own('w', {}, gpu=True).items() >= {'gpu': 'true', 'cuda': 'true'}.items()
    assert 'gpu' not in labels.own('w', {}, gpu=False)
