"""What a configuration dictionary means: every form, what is inferred, and one error for all that is wrong."""

from __future__ import annotations

import base64
import copy
import datetime
import os
from pathlib import Path
from typing import Any

import pytest
from aioclustermanager import k8s
from aioclustermanager.k8s import _configuration
from aioclustermanager.k8s._configuration import Surroundings, settings
from aioclustermanager.kubernetes import ClientCertificate, InvalidConfiguration, TokenFile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st


def _pair() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'user')])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    encoding = serialization.Encoding.PEM
    plain = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(encoding), plain


CERTIFICATE, KEY = _pair()


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


SAMPLE = {'certificate': b64(CERTIFICATE), 'key': b64(KEY), 'endpoint': 'localhost:6443'}


def in_pod(folder: Path, **environ: str) -> Surroundings:
    (folder / 'token').write_text('of-the-pod\n')
    (folder / 'ca.crt').write_bytes(CERTIFICATE)
    variables = {'KUBERNETES_SERVICE_HOST': '10.0.0.1', 'KUBERNETES_SERVICE_PORT': '443', **environ}
    return Surroundings(variables, str(folder / 'token'), str(folder / 'ca.crt'))


# every form


@pytest.mark.parametrize(
    'value', [CERTIFICATE.decode(), b64(CERTIFICATE), CERTIFICATE, base64.encodebytes(CERTIFICATE)]
)
def test_a_certificate_is_taken_in_base64_and_as_it_is(value: object) -> None:
    found = settings({**SAMPLE, 'auth': 'certificate', 'certificate': value})
    assert found.tls.client == ClientCertificate(CERTIFICATE, KEY)


def test_a_certificate_that_holds_its_key_needs_no_key() -> None:
    config = {'auth': 'certificate', 'certificate': b64(CERTIFICATE + KEY), 'endpoint': 'h:1'}
    assert settings(config).tls.client == ClientCertificate(CERTIFICATE + KEY, b'')


@pytest.mark.parametrize('explicit', [True, False])
@pytest.mark.parametrize('chain', [True, False])
def test_certificate_files_are_taken_with_a_key_of_their_own_or_in_the_chain(
    tmp_path: Path, explicit: bool, chain: bool
) -> None:
    (tmp_path / 'c.pem').write_bytes(CERTIFICATE + (KEY if chain else b''))
    (tmp_path / 'k.pem').write_bytes(KEY)
    config: dict[str, Any] = {'certificate': str(tmp_path / 'c.pem'), 'endpoint': 'h:1'}
    config |= {'auth': 'certificate_file'} if explicit else {}
    config |= {} if chain else {'key': tmp_path / 'k.pem'}
    key = '' if chain else str(tmp_path / 'k.pem')
    assert settings(config).tls.client == ClientCertificate(certificate_file=str(tmp_path / 'c.pem'), key_file=key)


@pytest.mark.parametrize('auth', [{}, {'auth': 'basic_auth'}])
def test_a_user_and_a_password_are_basic_authentication(auth: dict[str, str]) -> None:
    found = settings({**auth, 'user': 'u', 'credentials': 'p', 'endpoint': 'h:1'})
    assert found.headers() == {'Authorization': f'Basic {b64(b"u:p")}'}


@pytest.mark.parametrize('auth', [{}, {'auth': 'token'}])
@pytest.mark.parametrize('token', [b64(b'a.b.c'), b64(b'a.b.c\n'), 'a.b.c', b'a.b.c', ' a.b.c\n'])
def test_a_token_is_taken_in_base64_and_as_it_is(auth: dict[str, str], token: object) -> None:
    assert settings({**auth, 'token': token, 'endpoint': 'h:1'}).headers() == {'Authorization': 'Bearer a.b.c'}


@given(st.text('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-', min_size=1))
def test_any_token_survives_base64(token: str) -> None:
    found = settings({'token': b64(token.encode()), 'endpoint': 'h:1'})
    assert found.headers() == {'Authorization': f'Bearer {token}'}


def test_a_random_token_of_letters_is_not_mistaken_for_base64() -> None:
    token = 'ZLqbDbPsBk8GkXv5Gf8GJf2WQrd0oVtE'
    assert settings({'token': token, 'endpoint': 'h:1'}).headers() == {'Authorization': f'Bearer {token}'}


@pytest.mark.parametrize('config', [{}, {'auth': 'in_cluster'}])
def test_in_a_cluster_the_service_account_says_everything(tmp_path: Path, config: dict[str, str]) -> None:
    found = settings(config, in_pod(tmp_path))
    assert (found.scheme, found.endpoint) == ('https', '10.0.0.1:443')
    assert found.authentication == TokenFile(str(tmp_path / 'token'))
    assert found.headers() == {'Authorization': 'Bearer of-the-pod'}
    assert found.tls.ca_file == str(tmp_path / 'ca.crt')


def test_in_a_cluster_of_ipv6_the_host_stands_in_brackets(tmp_path: Path) -> None:
    assert settings({}, in_pod(tmp_path, KUBERNETES_SERVICE_HOST='fd00::1')).endpoint == '[fd00::1]:443'


def test_a_token_in_a_variable_counts_before_the_file(tmp_path: Path) -> None:
    found = settings({}, in_pod(tmp_path, KUBERNETES_SERVICE_TOKEN='of-the-variable'))
    assert found.headers() == {'Authorization': 'Bearer of-the-variable'}


def test_the_variables_of_the_process_and_the_files_of_the_module_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    around = in_pod(tmp_path)
    for name, text in around.environ.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(k8s, 'SERVICE_TOKEN_FILENAME', around.token_file)
    monkeypatch.setattr(k8s, 'SERVICE_CERT_FILENAME', around.ca_file)
    found = k8s.Configuration({'auth': 'in_cluster'})
    assert (found.endpoint, found.headers) == ('10.0.0.1:443', {'Authorization': 'Bearer of-the-pod'})


# where the server is, and whether to trust it


@pytest.mark.parametrize(
    ('config', 'server'),
    [
        ({}, 'https://localhost:6443'),
        ({'http_scheme': 'http'}, 'http://localhost:6443'),
        ({'http_scheme': 'HTTPS'}, 'https://localhost:6443'),
        ({'endpoint': '[fd00::1]:6443'}, 'https://[fd00::1]:6443'),
        ({'endpoint': 'https://localhost:6443/'}, 'https://localhost:6443'),
        ({'endpoint': 'http://localhost:8080'}, 'http://localhost:8080'),
        ({'endpoint': 'kube'}, 'https://kube'),
    ],
)
def test_scheme_and_endpoint_are_the_server(config: dict[str, str], server: str) -> None:
    assert settings({**SAMPLE, **config}).configuration.server == server


@pytest.mark.parametrize(
    ('value', 'verify'),
    [(True, False), (False, True), ('true', False), ('TRUE', False), ('false', True), ('False', True), (None, True)],
)
def test_skip_ssl_is_a_boolean_or_its_name(value: object, verify: bool) -> None:
    assert settings({**SAMPLE, 'skip_ssl': value}).tls.verify is verify


def test_an_authority_is_taken_in_base64_or_as_a_file(tmp_path: Path) -> None:
    (tmp_path / 'ca.pem').write_bytes(CERTIFICATE)
    assert settings({**SAMPLE, 'ca': b64(CERTIFICATE)}).tls.ca == CERTIFICATE
    assert settings({**SAMPLE, 'ca_file': tmp_path / 'ca.pem'}).tls.ca_file == str(tmp_path / 'ca.pem')


# one error


@pytest.mark.parametrize(
    ('config', 'told'),
    [
        ({**SAMPLE, 'endpont': 'h:1'}, 'endpont: no such key'),
        ({**SAMPLE, 'auth': 'certificates'}, "auth: 'certificates' is none of in_cluster, certificate, "),
        ({**SAMPLE, 'endpoint': None}, 'endpoint: missing'),
        ({**SAMPLE, 'endpoint': 'h:port'}, "endpoint: 'h:port' is no HOST:PORT"),
        ({**SAMPLE, 'endpoint': 'h:0'}, "endpoint: 'h:0' is no HOST:PORT"),
        ({**SAMPLE, 'endpoint': 'fd00::1:6443'}, "endpoint: 'fd00::1:6443' is no HOST:PORT"),
        ({**SAMPLE, 'endpoint': '[h]:1'}, r"endpoint: '\[h\]:1' is no HOST:PORT"),
        ({**SAMPLE, 'endpoint': 'http://h:1', 'http_scheme': 'https'}, 'endpoint: http:// contradicts http_scheme'),
        ({**SAMPLE, 'http_scheme': 'ftp'}, "http_scheme: 'ftp' is neither http nor https"),
        ({**SAMPLE, 'skip_ssl': 'yes'}, "skip_ssl: 'yes' is neither 'true' nor 'false'"),
        ({**SAMPLE, 'ca': b64(CERTIFICATE), 'ca_file': __file__}, 'ca, ca_file: contradict each other'),
        ({**SAMPLE, 'ca': '/etc/ca.pem'}, r'ca: expected PEM in base64 \(a path belongs to ca_file\)'),
        ({**SAMPLE, 'ca_file': '/nowhere.pem'}, 'ca_file: no such file: /nowhere.pem'),
        ({**SAMPLE, 'key': None}, 'key: missing, and the certificate holds none'),
        ({**SAMPLE, 'key': b64(CERTIFICATE)}, 'key: holds no private key'),
        ({**SAMPLE, 'certificate': None}, 'certificate: missing'),
        ({**SAMPLE, 'certificate': b64(KEY)}, 'certificate: holds no certificate'),
        ({**SAMPLE, 'certificate': '/nowhere'}, r'certificate: expected PEM in base64 \(a path belongs to auth'),
        ({**SAMPLE, 'certificate': 7}, 'certificate: expected text, got int'),
        ({'auth': 'certificate_file', 'endpoint': 'h:1'}, 'certificate: missing'),
        ({'auth': 'certificate_file', 'certificate': '/nowhere', 'endpoint': 'h:1'}, 'certificate: no such file: /now'),
        ({'auth': 'basic_auth', 'user': 'u', 'endpoint': 'h:1'}, 'credentials: missing'),
        ({'auth': 'basic_auth', 'credentials': 'p', 'endpoint': 'h:1'}, 'user: missing'),
        ({'user': 'a:b', 'credentials': 'p', 'endpoint': 'h:1'}, 'user: a colon ends'),
        ({'auth': 'token', 'endpoint': 'h:1'}, 'token: missing'),
        ({'token': 'two words', 'endpoint': 'h:1'}, 'token: is no bearer token'),
        ({**SAMPLE, 'token': 't'}, 'certificate, key, token: contradict each other: say by auth'),
        ({**SAMPLE, 'auth': 'certificate', 'user': 'u'}, "user: contradicts auth 'certificate'"),
        ({'auth': 'in_cluster'}, 'auth: in_cluster needs a token in the variable KUBERNETES_SERVICE_TOKEN or the file'),
        ({'auth': 'in_cluster'}, r'endpoint: missing \(or the variable KUBERNETES_SERVICE_HOST\)'),
        ({'auth': 'in_cluster'}, 'ca_file: missing, and in_cluster finds no '),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(config: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidConfiguration, match=told):
        settings(config, Surroundings({}, '/nowhere/token', '/nowhere/ca.crt'))


def test_one_error_names_all_that_is_wrong() -> None:
    wrong = {'auth': 'token', 'endpoint': 'h:x', 'skip_ssl': 'maybe', 'http_scheme': 'gopher', 'colour': 'red'}
    with pytest.raises(InvalidConfiguration) as caught:
        settings(wrong)
    assert all(f'{key}: ' in str(caught.value) for key in ('colour', 'token', 'endpoint', 'skip_ssl', 'http_scheme'))


@pytest.mark.asyncio
async def test_a_wrong_key_is_told_when_the_context_is_entered() -> None:
    with pytest.raises(InvalidConfiguration, match='endpoint: missing'):
        async with k8s.K8SContextManager({'token': 't'}):
            pytest.fail('was entered')
    with pytest.raises(InvalidConfiguration, match='endpoint: missing'):
        await k8s.create_k8s_caller({'token': 't'})


_SECRETS = ('token', 'credentials', 'key')
_ANY = st.one_of(st.text(), st.booleans(), st.binary(), st.none(), st.integers(), st.just(b64(CERTIFICATE)))


@given(
    st.dictionaries(st.sampled_from(sorted(set(_configuration.KEYS) - set(_SECRETS))), _ANY),
    st.dictionaries(st.sampled_from(_SECRETS), st.one_of(st.text().map('hunter2 {}'.format), st.just(b64(KEY)))),
)
def test_any_dictionary_gives_settings_or_an_error_that_shows_no_secret(
    config: dict[str, Any], secrets: dict[str, str]
) -> None:
    whole = {**config, **secrets}
    before = copy.deepcopy(whole)
    try:
        shown = repr(settings(whole, Surroundings({}, '/nowhere/token', '/nowhere/ca.crt')))
    except InvalidConfiguration as error:
        shown = str(error)
    assert not [secret for secret in secrets.values() if secret in shown]
    assert whole == before


@pytest.mark.parametrize('key', ['auth', 'http_scheme', 'skip_ssl', 'endpoint'])
def test_a_token_in_a_wrong_place_is_not_shown(key: str) -> None:
    token = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl:x'
    with pytest.raises(InvalidConfiguration, match=f'{key}: what stands there is n') as caught:
        settings({**SAMPLE, key: token})
    assert token not in str(caught.value)


def test_an_endpoint_with_a_password_in_it_is_refused_without_it() -> None:
    with pytest.raises(InvalidConfiguration, match='endpoint: what stands there is no HOST:PORT') as caught:
        settings({**SAMPLE, 'endpoint': 'user:hunter2@host:6443'})
    assert 'hunter2' not in str(caught.value)


# not to be kept


@pytest.mark.asyncio
async def test_the_quickstart_works_without_auth_and_with_a_boolean() -> None:
    async with k8s.K8SContextManager({**SAMPLE, 'skip_ssl': True}) as caller:
        assert (caller.type, caller.endpoint, caller.scheme) == ('k8s', 'localhost:6443', 'https')


@pytest.mark.asyncio
async def test_a_client_key_is_on_no_disk_while_the_context_is_open_or_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    async with k8s.K8SContextManager(SAMPLE):
        assert not [*tmp_path.iterdir()]
        held = [os.path.realpath(link) for link in Path('/proc/self/fd').iterdir()]
        assert not [path for path in held if 'pem' in path]
    assert not [*tmp_path.iterdir()]


def test_the_programs_own_dictionary_stays_as_it_is(tmp_path: Path) -> None:
    config: dict[str, Any] = {'auth': 'in_cluster'}
    settings(config, in_pod(tmp_path))
    k8s.Configuration(dict(SAMPLE))
    assert config == {'auth': 'in_cluster'}


@pytest.mark.asyncio
async def test_an_authority_in_a_file_does_not_drop_the_client_certificate(tmp_path: Path) -> None:
    (tmp_path / 'ca.pem').write_bytes(CERTIFICATE)
    found = settings({**SAMPLE, 'ca_file': str(tmp_path / 'ca.pem')})
    assert (found.tls.ca_file, found.tls.client) == (str(tmp_path / 'ca.pem'), ClientCertificate(CERTIFICATE, KEY))


@pytest.mark.parametrize('given_ca', ['ca', 'ca_file'])
def test_an_authority_of_the_users_own_counts_before_the_service_accounts(tmp_path: Path, given_ca: str) -> None:
    own = tmp_path / 'own.pem'
    own.write_bytes(CERTIFICATE + b'\n')
    value = str(own) if given_ca == 'ca_file' else b64(own.read_bytes())
    tls = settings({'auth': 'in_cluster', given_ca: value}, in_pod(tmp_path)).tls
    assert (tls.ca_file, tls.ca) == ((str(own), b'') if given_ca == 'ca_file' else ('', own.read_bytes()))


def test_the_loop_is_taken_and_ignored() -> None:
    assert k8s.K8SContextManager(SAMPLE, object()).loop
    assert k8s.Configuration(SAMPLE, loop=object()).endpoint == 'localhost:6443'
