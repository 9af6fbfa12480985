"""The configuration for Nomad: what is inferred, and what is refused with the name of the key."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from aioclustermanager.nomad import InvalidConfiguration, settings

CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n'
KEY = '-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n'


def test_the_documented_configuration_is_plain_http_in_emulated_namespaces() -> None:
    found = settings({'endpoint': 'localhost:4646'})
    assert (found.server, found.real_namespaces, found.authentication) == ('http://localhost:4646', False, None)


@pytest.mark.parametrize(
    ('config', 'server'),
    [
        ({'endpoint': 'nomad.example'}, 'http://nomad.example:4646'),
        ({'endpoint': '[::1]'}, 'http://[::1]:4646'),
        ({'endpoint': 'https://nomad.example:443/'}, 'https://nomad.example:443'),
        ({'endpoint': 'nomad.example', 'http_scheme': 'HTTPS'}, 'https://nomad.example:4646'),
        ({'endpoint': 'n:1', 'certificate': CERTIFICATE, 'key': KEY}, 'https://n:1'),
        ({'endpoint': 'n:1', 'ca': base64.b64encode(CERTIFICATE.encode()).decode()}, 'https://n:1'),
    ],
)
def test_the_address_is_understood_as_people_write_it(config: dict[str, Any], server: str) -> None:
    assert settings(config).server == server


def test_a_token_is_shown_to_the_server_and_to_nobody_else() -> None:
    found = settings({'endpoint': 'n:1', 'token': ' s3cret '})
    assert found.authentication is not None
    assert (found.authentication.name, found.authentication.text) == ('X-Nomad-Token', 's3cret')
    assert 's3cret' not in repr(found) + repr(found.authentication)


def test_certificates_are_taken_in_base64_and_as_files(tmp_path: Path) -> None:
    (tmp_path / 'both.pem').write_text(CERTIFICATE + KEY)
    config = {'endpoint': 'n:1', 'certificate': str(tmp_path / 'both.pem')}
    assert settings(config).tls.client.certificate_file == str(tmp_path / 'both.pem')
    encoded = {
        name: base64.b64encode(text.encode()).decode() for name, text in (('certificate', CERTIFICATE), ('key', KEY))
    }
    assert settings({'endpoint': 'n:1', **encoded}).tls.client.key == KEY.encode()


@pytest.mark.parametrize(
    ('config', 'said'),
    [
        ({}, 'endpoint: missing'),
        ({'endpoint': 'a b'}, "endpoint: 'a b' is no HOST:PORT"),
        ({'endpoint': 'n:1', 'tokn': 'x'}, 'tokn: no such key'),
        ({'endpoint': 'n:1', 'token': 'a\r\nX-Evil: 1'}, 'token: has characters in it'),
        ({'endpoint': 'n:1', 'region': 'a b'}, 'region: has characters in it'),
        ({'endpoint': 'n:1', 'namespaces': 'yes'}, "namespaces: 'yes' is neither emulated nor real"),
        ({'endpoint': 'n:1', 'timeout': 0}, 'timeout: 0 is no number of seconds'),
        ({'endpoint': 'n:1', 'timeout': True}, 'timeout: True is no number of seconds'),
        ({'endpoint': 'n:1', 'auth': 'token'}, "auth: 'token' is none of certificate"),
        (
            {'endpoint': 'n:1', 'http_scheme': 'http', 'certificate': CERTIFICATE, 'key': KEY},
            'http takes no certificates',
        ),
        ({'endpoint': 'n:1', 'certificate': CERTIFICATE}, 'key: missing'),
        ({'endpoint': 'n:1', 'ca': CERTIFICATE, 'ca_file': '/x'}, 'ca, ca_file: contradict each other'),
        ({'endpoint': 'n:1', 'skip_ssl': 'perhaps'}, "skip_ssl: 'perhaps' is neither 'true' nor 'false'"),
    ],
)
def test_a_wrong_key_is_named_before_any_connection(config: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidConfiguration, match='cannot use the configuration for Nomad') as caught:
        settings(config)
    assert said in str(caught.value)


def test_all_faults_are_in_one_error_and_no_secret_is() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        settings({'token': 'sec ret', 'namespaces': 3, 'skip_ssl': 'x'})
    assert all(key in str(caught.value) for key in ('endpoint:', 'token:', 'namespaces:', 'skip_ssl:'))
    assert 'sec ret' not in str(caught.value)


def test_the_programs_own_dictionary_stays_as_it_is() -> None:
    config = {'endpoint': 'n', 'token': 't', 'skip_ssl': True}
    before = dict(config)
    settings(config)
    assert config == before
