import copy

from charms.layer.kubernetes_common import trees
from hypothesis import given
from hypothesis import strategies as st

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
TREES = st.recursive(
    st.dictionaries(st.text(max_size=2), LEAVES, max_size=3),
    lambda inner: st.dictionaries(st.text(max_size=2), LEAVES | inner, max_size=3),
    max_leaves=8,
)


def test_mappings_merge_at_every_depth_and_the_rest_is_replaced():
    base = {'a': {'b': 1, 'c': [1]}, 'd': 1, 'e': {'f': 1}}
    over = {'a': {'c': [2]}, 'd': {'g': 1}, 'e': 2}
    assert trees.merge(base, over) == {'a': {'b': 1, 'c': [2]}, 'd': {'g': 1}, 'e': 2}


@given(TREES, TREES)
def test_merging_twice_is_merging_once_and_changes_no_argument(base, over):
    before = copy.deepcopy((base, over))
    once = trees.merge(base, over)
    assert trees.merge(once, over) == once
    assert (base, over) == before


@given(TREES)
def test_nothing_over_a_tree_is_that_tree(tree):
    assert trees.merge(tree, {}) == tree == trees.merge({}, tree)
