"""easyrsa signs what the public wire asks for; openssl is the real one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CLIENT = 'kubernetes-worker/0'
REQUEST = {
    'common_name': '10.87.0.9',
    'sans': '["10.87.0.9", "node-a"]',
    'certificate_name': 'kubernetes-worker_0',
    'unit_name': 'kubernetes-worker_0',
}


@pytest.fixture
def easyrsa(machine: Any) -> Any:
    return machine('easyrsa')


def changed(easyrsa: Any, relation: str, **bag: str) -> dict[str, str]:
    easyrsa.bags[relation][CLIENT] |= bag
    easyrsa.hook('client-relation-changed', relation, CLIENT)
    answer: dict[str, str] = easyrsa.bag(relation)
    return answer


def certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def names(cert: x509.Certificate) -> set[str]:
    return {str(name.value) for name in cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value}


def test_a_server_certificate_has_its_names_and_both_usages_and_is_signed_by_the_ca(easyrsa: Any) -> None:
    answer = changed(easyrsa, easyrsa.relate('client', CLIENT), **REQUEST)
    ca, cert = certificate(answer['ca']), certificate(answer['kubernetes-worker_0.server.cert'])
    cert.verify_directly_issued_by(ca)
    assert names(cert) == {'10.87.0.9', 'node-a'}
    usages = set(cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert usages == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    issuer = cert.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert issuer == ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert answer['kubernetes-worker_0.server.key'].startswith('-----BEGIN PRIVATE KEY-----')


def test_the_ca_is_named_by_its_address_and_may_sign(easyrsa: Any) -> None:
    ca = certificate(changed(easyrsa, easyrsa.relate('client', CLIENT))['ca'])
    assert ca.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == '10.87.0.7'
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert ca.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_every_request_form_is_answered_in_one_hook(easyrsa: Any) -> None:
    requests = {
        'cert_requests': {'a': {'sans': ['a']}, 'b': {'sans': []}},
        'client_cert_requests': {'system:kubelet': {'sans': None}},
        'application_cert_requests': {'app': {'sans': ['app']}},
        'intermediate_cert_requests': {'inter': {'sans': []}},
    }
    relation = easyrsa.relate('client', CLIENT)
    answer = changed(easyrsa, relation, **REQUEST, **{key: json.dumps(value) for key, value in requests.items()})
    prefix = 'kubernetes-worker_0.'
    found = {key.removeprefix(prefix): json.loads(value) for key, value in answer.items() if 'processed' in key}
    assert {key: set(value) for key, value in found.items()} == {
        'processed_requests': {'a', 'b'},
        'processed_client_requests': {'system:kubelet'},
        'processed_application_requests': {'app_data'},
        'processed_intermediate_requests': {'inter'},
    }
    kubelet = certificate(found['processed_client_requests']['system:kubelet']['cert'])
    assert kubelet.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == 'system:kubelet'
    assert {'client.cert', 'client.key', 'ca', f'{prefix}server.cert'} <= set(answer)


def test_only_changed_names_make_a_new_certificate(easyrsa: Any) -> None:
    relation = easyrsa.relate('client', CLIENT)
    first = dict(changed(easyrsa, relation, **REQUEST))
    again = dict(changed(easyrsa, relation, sans='["node-a", "10.87.0.9", "node-a"]'))
    assert again == first
    assert easyrsa.made('openssl') == [] and easyrsa.made('relation-set') == []
    other = changed(easyrsa, relation, sans='["node-b"]')
    assert other['kubernetes-worker_0.server.cert'] != first['kubernetes-worker_0.server.cert']
    assert other['ca'] == first['ca']


def test_two_units_share_no_key_though_they_ask_for_the_same(easyrsa: Any) -> None:
    relation = easyrsa.relate('client', 'w/0', 'w/1')
    for unit in 'w/0', 'w/1':
        easyrsa.bags[relation][unit] = {'common_name': 'same', 'sans': '[]', 'certificate_name': unit}
    easyrsa.hook('config-changed')
    assert easyrsa.bag(relation)['w_0.server.key'] != easyrsa.bag(relation)['w_1.server.key']


def test_keys_are_readable_by_root_only_and_on_no_command_line(easyrsa: Any) -> None:
    changed(easyrsa, easyrsa.relate('client', CLIENT), **REQUEST)
    files = list((easyrsa.root / 'var/lib/easyrsa').iterdir())
    assert files and {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert not any('PRIVATE' in word for call in easyrsa.calls for word in call)


def test_what_a_unit_got_goes_with_it(easyrsa: Any) -> None:
    relation = easyrsa.relate('client', CLIENT)
    changed(easyrsa, relation, **REQUEST)
    easyrsa.hook('client-relation-departed', relation, CLIENT, departing=CLIENT)
    assert set(easyrsa.bag(relation)) == {'ca', 'client.cert', 'client.key'}


def test_nothing_is_taken_away_when_the_authority_itself_leaves(easyrsa: Any) -> None:
    relation = easyrsa.relate('client', CLIENT)
    before = dict(changed(easyrsa, relation, **REQUEST))
    easyrsa.hook('client-relation-departed', relation, CLIENT, departing=easyrsa.unit)
    assert easyrsa.bag(relation) == before


def test_a_second_unit_says_what_to_do(easyrsa: Any) -> None:
    easyrsa.leader = False
    easyrsa.hook('install')
    assert easyrsa.status == ('blocked', 'Only one unit can be the authority: remove this one')


@pytest.mark.parametrize('name', ['a\nsubjectAltName=DNS:evil', '', 'x' * 65, '$ENV::HOME'])
def test_a_common_name_that_is_none_is_not_signed(easyrsa: Any, name: str) -> None:
    answer = changed(easyrsa, easyrsa.relate('client', CLIENT), **REQUEST | {'common_name': name})
    assert 'kubernetes-worker_0.server.cert' not in answer


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_names=st.lists(st.text(max_size=20) | st.ip_addresses().map(str) | st.none() | st.integers(), max_size=8))
def test_subject_names_are_sorted_single_and_safe(easyrsa: Any, given_names: list[Any]) -> None:
    found = easyrsa.module('authority').subject_names(given_names)
    assert found == sorted(set(found))
    assert not any(set(',\n$ ') & set(name) for name in found)
