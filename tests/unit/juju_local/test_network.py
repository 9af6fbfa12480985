"""Addresses and /etc/hosts."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from juju_local import _network


@given(numbers=st.sets(st.integers(0, 256 * _network.PER_ROW - 1), min_size=2))
def test_every_machine_has_an_address_of_its_own_inside_the_network(numbers):
    addresses = {_network.address(str(number)) for number in numbers}
    assert len(addresses) == len(numbers)
    assert all(ipaddress.ip_address(address) in ipaddress.ip_network(_network.CIDR) for address in addresses)
    assert _network.GATEWAY not in addresses


def test_a_model_that_is_full_says_so():
    with pytest.raises(ValueError, match='room for 51200 machines'):
        _network.address('51200')


def test_lines_of_others_stay_in_etc_hosts():
    own = '192.0.2.1 registry\n10.87.0.11 www.example\n'  # an address of the model's, too
    present = _network.hosts('a', {'a': '10.87.0.10', 'b': '10.87.0.11'}) + own
    text = _network.merged_hosts(present, {'a': '10.87.0.10', 'c': '10.87.0.12'})
    assert set(own.splitlines()) <= set(text.splitlines())
    assert '10.87.0.12 c' in text.splitlines()
    assert '10.87.0.11 b' not in text.splitlines()


@given(machines=st.dictionaries(st.from_regex(r'[a-z]{1,8}', fullmatch=True), st.just('10.87.0.10'), max_size=4))
def test_merging_twice_changes_nothing(machines):
    once = _network.merged_hosts('127.0.0.1 localhost\n', machines)
    assert _network.merged_hosts(once, machines) == once
