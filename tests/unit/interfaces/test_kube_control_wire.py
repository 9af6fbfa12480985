"""How kube-control data is read from and written to a bag."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(max_size=30)
TOKENS = st.text('abcdefgh0123456789', min_size=1, max_size=32)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
KEYS = ['creds', 'sdn-ip', 'port', 'domain', 'enable-kube-dns', 'kubelet_user', 'auth_group', 'gpu', 'cluster-tag']
GARBAGE = st.dictionaries(st.sampled_from(KEYS), TEXT | JSON.map(json.dumps), max_size=len(KEYS))


@given(users=st.dictionaries(TEXT, st.tuples(TEXT, TOKENS, TOKENS, TOKENS), max_size=5))
def test_credentials_survive_the_wire(wire: Any, users: dict[str, tuple[str, str, str, str]]) -> None:
    entries = {user: wire.Credentials(*members) for user, members in users.items()}
    text = wire.creds_text(entries)
    assert wire.creds({'creds': text} if text else {}) == wire.Reading(entries)


@given(bag=GARBAGE)
def test_no_garbage_raises_and_what_is_read_is_well_formed(wire: Any, bag: dict[str, str]) -> None:
    for entry in wire.creds(bag).value.values():
        assert all(isinstance(member, str) for member in vars(entry).values())
    dns = wire.dns(bag).value
    assert dns is None or (dns.domain and (bool(dns.sdn_ip) == dns.enabled))
    asked = wire.request(bag).value
    assert asked is None or not set(' ,"\n\t') & set(asked.user + asked.group)
    assert wire.gpu(bag) == (bag.get('gpu') == 'True')


@given(entries=st.dictionaries(st.text(max_size=8), JSON, max_size=4), token=TOKENS)
def test_one_good_entry_counts_among_bad_ones(wire: Any, entries: dict[str, Any], token: str) -> None:
    good = {'scope': 'w/0', 'kubelet_token': token, 'proxy_token': 'p', 'client_token': 'c'}
    bag = {'creds': json.dumps({**entries, 'system:node:a': good})}
    assert wire.creds(bag).value['system:node:a'] == wire.Credentials('w/0', token, 'p', 'c')


def test_no_fault_and_no_repr_tells_a_token(wire: Any) -> None:
    bag = {
        'creds': json.dumps({'u': {'scope': 'w/0', 'kubelet_token': 'hidden', 'proxy_token': 1, 'client_token': 'x'}})
    }
    reading = wire.creds(bag)
    assert reading.faults == ("creds: the entry of 'u' is malformed",)
    assert 'hidden' not in repr(wire.Credentials('w/0', 'hidden', 'hidden', 'hidden'))


@pytest.mark.parametrize(
    ('written', 'read'),
    [('True', True), ('true', True), ('"True"', True), ('FALSE', False), ('False', False), ('', None), ('yes', None)],
)
def test_truth_values_are_parsed_not_tested(wire: Any, written: str, read: bool | None) -> None:
    assert wire.boolean({'enable-kube-dns': written}, 'enable-kube-dns') is read


@pytest.mark.parametrize(
    ('change', 'complete'),
    [
        ({}, True),
        ({'sdn-ip': ''}, False),
        ({'port': ''}, False),
        ({'domain': ''}, False),
        ({'enable-kube-dns': ''}, False),
        ({'sdn-ip': 'None'}, False),
        ({'sdn-ip': 'ten'}, False),
        ({'port': 'x'}, False),
        ({'enable-kube-dns': 'False', 'sdn-ip': '', 'port': ''}, True),
    ],
)
def test_dns_counts_only_whole(wire: Any, change: dict[str, str], complete: bool) -> None:
    bag = {'domain': 'cluster.local', 'port': '53', 'sdn-ip': '10.1.0.10', 'enable-kube-dns': 'True'} | change
    assert (wire.dns(bag).value is not None) is complete


@pytest.mark.parametrize(
    ('scope', 'unit', 'ours'),
    [
        ('w/0', 'w/0', True),
        ('w/1', 'w/0', False),
        ('v/0', 'w/0', False),
        ('', 'w/0', True),
        ('remote-0123456789abcdef/3', 'w/3', True),
        ('remote-0123456789abcdef/4', 'w/3', False),
    ],
)
def test_an_entry_is_ours_by_its_scope(wire: Any, scope: str, unit: str, ours: bool) -> None:
    assert wire.is_for(wire.Credentials(scope, 'k', 'p', 'c'), unit) is ours


@pytest.mark.parametrize('name', ['a,b', 'a b', 'a"b', 'a\nb', '-a', 'x' * 300])
def test_a_name_that_would_break_a_token_file_is_refused(wire: Any, name: str) -> None:
    reading = wire.request({'kubelet_user': name, 'auth_group': 'system:nodes'})
    assert reading.value is None and reading.faults


def test_relations_and_units_are_in_the_order_of_their_numbers(wire: Any) -> None:
    pairs = [('kc:10', 'a/1'), ('kc:9', 'a/10'), ('kc:9', 'a/2')]
    assert sorted(pairs, key=lambda pair: wire.order(*pair)) == [('kc:9', 'a/2'), ('kc:9', 'a/10'), ('kc:10', 'a/1')]
