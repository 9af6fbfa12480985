import pytest
from charms.layer.kubernetes_master import nodes

A, B = 'system:node:a', 'system:node:b'


@pytest.mark.parametrize(
    'known, before, now, wanted',
    [
        (None, {A: 'w/0'}, {A: 'w/0'}, None),
        (None, {A: 'w/0', B: 'w/1'}, {A: 'w/0'}, '["b"]'),
        ('["b"]', {A: 'w/0'}, {A: 'w/0'}, '["b"]'),
        ('["b"]', {A: 'w/0'}, {}, '["a", "b"]'),
        ('["b"]', {}, {B: 'w/2'}, None),
        (None, {A: 'w/0'}, {A: 'w/1'}, None),
    ],
    ids=['nobody left', 'one left', 'kept until done', 'one more', 'came back', 'name taken over'],
)
def test_nodes_of_units_that_left_are_remembered_until_they_are_gone_or_back(known, before, now, wanted):
    assert nodes.left(known, before, now) == wanted


@pytest.mark.parametrize(
    'known, before, now, wanted',
    [
        (None, {A: 'w/0', B: 'w/1'}, {A: 'w/0'}, None),
        (None, {A: 'w/0', B: 'v/0'}, {A: 'w/0'}, '["v"]'),
        ('["v"]', {A: 'w/0'}, {}, '["v", "w"]'),
        ('["v"]', {A: 'w/0'}, {A: 'w/0', B: 'v/3'}, None),
    ],
    ids=['another unit stays', 'the last one left', 'kept until done', 'came back'],
)
def test_applications_without_a_unit_are_remembered_until_what_they_made_is_gone_or_they_are_back(
    known, before, now, wanted
):
    assert nodes.applications_left(known, before, now) == wanted
