"""Who gets credentials, and who loses them."""

import itertools

import pytest
from charms.layer.kubernetes_master import grants, tokens
from hypothesis import given
from hypothesis import strategies as st

UNITS = [f'{application}/{number}' for application in ('kubernetes-worker', 'gpu-worker') for number in (0, 1, 10)]
USERS = [f'system:node:{host}' for host in 'abcd']


def ask(unit, user, group='system:nodes'):
    return grants.Request(unit, user, group)


def minter():
    numbers = itertools.count()
    return lambda: f'token-{next(numbers)}'


REQUESTS = st.dictionaries(st.sampled_from(UNITS), st.sampled_from(USERS)).map(
    lambda asked: [ask(unit, user) for unit, user in asked.items()]
)


def test_every_worker_gets_three_tokens_of_its_own():
    holders = {'system:node:a': 'kubernetes-worker/0', 'system:node:b': 'kubernetes-worker/1'}
    text = grants.apply('', holders, {}, minter())
    given_out = [grants.credentials(text, unit) for unit in holders.values()]
    assert len({token for tokens_ in given_out for token in tokens_}) == 6
    assert {row.user for row in tokens.rows(text)} == {*holders, 'system:kube-proxy', 'admin'}


@given(st.lists(REQUESTS, max_size=6))
def test_fm_12_identity_clash_no_user_and_no_uid_is_ever_shared(rounds):
    holders, text, mint = {}, '', minter()
    for requests in rounds:
        gone = set(holders.values()) - {request.unit for request in requests}
        decision = grants.decide(requests, holders, gone)
        text = grants.apply(text, decision.holders, holders, mint)
        holders = decision.holders
        uids = [row.uid for row in tokens.rows(text)]
        assert len(uids) == len(set(uids)) == 3 * len(holders)
        assert len(set(holders.values())) == len(holders)


def test_fm_12_identity_clash_names_both_units():
    decision = grants.decide(
        [ask('kubernetes-worker/1', 'system:node:a')], {'system:node:a': 'kubernetes-worker/0'}, set()
    )
    assert decision.holders == {'system:node:a': 'kubernetes-worker/0'}
    message = grants.message(decision.refusals)
    assert 'kubernetes-worker/0' in message
    assert 'kubernetes-worker/1' in message


@pytest.mark.parametrize(
    ('user', 'group'),
    [
        ('system:node:a', 'system:masters'),
        ('admin', 'system:nodes'),
        ('system:kube-proxy', 'system:nodes'),
        ('system:node:', 'system:nodes'),
        ('system:node:a,admin', 'system:nodes'),
        ('system:node:a\nT,evil,evil,"system:masters"', 'system:nodes'),
    ],
)
def test_fm_12_identity_clash_what_is_no_node_gets_nothing(user, group):
    decision = grants.decide([ask('kubernetes-worker/0', user, group)], {}, set())
    assert decision.holders == {}
    assert len(decision.refusals) == 1


def test_fm_03_reused_hostname_the_new_unit_gets_other_tokens_than_the_old_one():
    mint, before = minter(), {'system:node:h': 'kubernetes-worker/0'}
    old = grants.apply('', before, {}, mint)
    decision = grants.decide([ask('kubernetes-worker/1', 'system:node:h')], before, {'kubernetes-worker/0'})
    text = grants.apply(old, decision.holders, before, mint)
    assert decision.holders == {'system:node:h': 'kubernetes-worker/1'}
    lost = set(grants.credentials(old, 'kubernetes-worker/0'))
    assert not lost & {row.token for row in tokens.rows(text)}
    assert all(grants.credentials(text, 'kubernetes-worker/1'))


@given(st.sets(st.sampled_from(UNITS)), st.sets(st.sampled_from(UNITS)))
def test_fm_11_tokens_never_revoked_exactly_the_live_workers_keep_theirs(joined, left):
    before = {f'system:node:{unit.replace("/", "-")}': unit for unit in joined}
    mint = minter()
    text = grants.apply('mine,me,me\n', before, {}, mint)
    live = [ask(unit, user) for user, unit in before.items() if unit not in left]
    decision = grants.decide(live, before, left)
    after = grants.apply(text, decision.holders, before, mint)
    assert set(decision.holders.values()) == joined - left
    assert all(grants.credentials(after, unit) == grants.credentials(text, unit) for unit in joined - left)
    assert len(tokens.rows(after)) == 1 + 3 * len(joined - left)


def test_fm_02_new_master_does_not_take_away_what_it_has_not_seen_asked_for():
    before = {'system:node:a': 'kubernetes-worker/0'}
    assert grants.decide([], before, set()).holders == before


def test_a_unit_whose_host_was_renamed_gives_its_old_user_back():
    before = {'system:node:a': 'kubernetes-worker/0'}
    decision = grants.decide([ask('kubernetes-worker/0', 'system:node:b')], before, set())
    assert decision.holders == {'system:node:b': 'kubernetes-worker/0'}


def test_a_worker_of_a_public_control_plane_keeps_its_token():
    text = 'old,system:node:a,kubelet-3,"system:nodes"\n'
    after = grants.apply(text, {'system:node:a': 'kubernetes-worker/3'}, {}, minter())
    assert grants.credentials(after, 'kubernetes-worker/3')[0] == 'old'
    assert len([row for row in tokens.rows(after) if row.user == 'system:node:a']) == 1
