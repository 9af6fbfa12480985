"""Certificates as people make them with openssl, good and bad."""

import subprocess
import time

import pytest
from charms.layer.kubernetes_worker import x509

DOMAIN = 'myregistry.company.com'
DAY_S = 86400


def openssl(*arguments, stdin=''):
    return subprocess.run(['openssl', *arguments], input=stdin, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope='module')
def keys():
    return [openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256') for _ in range(2)]


def certificate(key, tmp_path, common_name=DOMAIN, san=''):
    path = tmp_path / 'key'
    path.write_text(key)
    extra = ['-addext', f'subjectAltName={san}'] if san else []
    return openssl('req', '-x509', '-key', str(path), '-subj', f'/CN={common_name}', '-days', '10', *extra)


@pytest.mark.parametrize(
    'common_name, san, good',
    [
        (DOMAIN, '', True),
        ('other', f'DNS:{DOMAIN}', True),
        ('other', 'DNS:*.company.com', True),
        ('other', '', False),
        (DOMAIN, 'DNS:other.company.com', False),  # with alternative names the common name does not count
    ],
)
def test_fm_64_the_domain_is_in_the_alternative_names_or_else_the_common_name(keys, tmp_path, common_name, san, good):
    faults = x509.faults(certificate(keys[0], tmp_path, common_name, san), keys[0], DOMAIN, time.time())
    assert bool(faults) is not good
    assert all(fault.startswith('tlscert: ') and DOMAIN in fault for fault in faults)


@pytest.mark.parametrize('days, word', [(-1, 'not good before'), (11, 'expired')])
def test_fm_64_a_certificate_is_good_in_its_time_only(keys, tmp_path, days, word):
    (fault,) = x509.faults(certificate(keys[0], tmp_path), keys[0], DOMAIN, time.time() + days * DAY_S)
    assert fault.startswith('tlscert: ') and word in fault


def test_fm_64_a_key_of_another_certificate_is_told(keys, tmp_path):
    assert x509.faults(certificate(keys[0], tmp_path), keys[1], DOMAIN, time.time()) == [
        'tlskey: does not belong to tlscert'
    ]


def test_fm_64_what_is_neither_certificate_nor_key_is_told(keys, tmp_path):
    good = certificate(keys[0], tmp_path)
    assert x509.faults('x', keys[0], DOMAIN, time.time()) == ['tlscert: is no certificate in PEM form']
    (fault,) = x509.faults(good, good, DOMAIN, time.time())
    assert fault.startswith('tlskey: ')


def test_a_key_with_a_passphrase_is_told_and_asks_nobody(keys, tmp_path):
    locked = openssl('pkey', '-aes256', '-passout', 'pass:hunter2', stdin=keys[0])
    (fault,) = x509.faults(certificate(keys[0], tmp_path), locked, DOMAIN, time.time())
    assert 'without a passphrase' in fault


def test_authorities_may_follow_the_certificate(keys, tmp_path):
    chain = certificate(keys[0], tmp_path) + certificate(keys[1], tmp_path, 'authority')
    assert x509.faults(chain, keys[0], DOMAIN, time.time()) == []
