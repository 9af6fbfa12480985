import pytest
from charms.layer.kubernetes_worker import endpoints
from hypothesis import given
from hypothesis import strategies as st

URLS = st.lists(st.sampled_from([f'https://10.0.0.{n}:443' for n in range(5)]), unique=True).map(sorted)


def service(*hosts):
    return {'service_name': 'lb', 'hosts': list(hosts)}


def host(name, port='443', address=''):
    return {'hostname': name, 'private-address': address, 'port': port}


def test_servers_are_sorted_and_without_duplicates():
    services = [service(host('b'), host('a')), service(host('b'))]
    assert endpoints.servers(services) == ['https://a:443', 'https://b:443']


@pytest.mark.parametrize(
    'entry', [host('', ''), host('a', ''), host('a', 'x'), host(''), None, 'text', {'port': '443'}], ids=repr
)
def test_what_is_no_host_is_left_out(entry):
    assert endpoints.servers([service(entry)]) == []


def test_an_ipv6_address_is_put_into_brackets():
    assert endpoints.servers([service(host('', address='fd00::1'))]) == ['https://[fd00::1]:443']


@given(URLS, st.integers(0, 50), st.integers(0, 20))
def test_fm_32_a_unit_stays_with_its_server_while_it_is_there(urls, unit, hooks):
    server = first = endpoints.chosen(urls, unit)
    for _ in range(hooks):
        server = endpoints.chosen(urls, unit, server)
    assert server == first


def test_fm_32_many_units_use_all_servers():
    urls = ['https://a', 'https://b', 'https://c']
    assert {endpoints.chosen(urls, unit) for unit in range(3)} == set(urls)


@given(URLS, st.integers(0, 50), st.integers(0, 4))
def test_fm_33_a_unit_moves_only_when_its_own_server_goes(urls, unit, gone):
    current = endpoints.chosen(urls, unit)
    left = [url for index, url in enumerate(urls) if index != gone]
    moved = endpoints.chosen(left, unit, current)
    assert moved == current if current in left else moved in left or not left


def test_fm_33_without_servers_there_is_none():
    assert endpoints.chosen([], 3, 'https://a') == ''
