"""Tokens of service accounts, held to what the cryptography package makes and accepts."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from juju_local.stand_ins.kube import _tokens

KEY = rsa.generate_private_key(65537, 2048)
OTHER = ec.generate_private_key(ec.SECP256R1())
PEM = serialization.Encoding.PEM
PRIVATE, PUBLIC = serialization.PrivateFormat, serialization.PublicFormat


def private(key: Any, form: serialization.PrivateFormat) -> str:
    text: bytes = key.private_bytes(PEM, form, serialization.NoEncryption())
    return text.decode()


def public(form: serialization.PublicFormat) -> str:
    return KEY.public_key().public_bytes(PEM, form).decode()


def read(pem: str) -> _tokens.Key:
    found = _tokens.key(pem)
    assert found is not None
    return found


SIGNER = read(private(KEY, PRIVATE.PKCS8))
TOKEN = _tokens.signed(SIGNER, {'sub': 'robot'})


@pytest.mark.parametrize('form', [PRIVATE.PKCS8, PRIVATE.TraditionalOpenSSL])
def test_a_private_key_is_read_in_both_its_forms(form: serialization.PrivateFormat) -> None:
    numbers = KEY.private_numbers()
    wanted = _tokens.Key(numbers.public_numbers.n, numbers.public_numbers.e, numbers.d)
    assert _tokens.key(private(KEY, form)) == wanted
    assert str(numbers.d) not in repr(wanted)


@pytest.mark.parametrize('form', [PUBLIC.SubjectPublicKeyInfo, PUBLIC.PKCS1])
def test_a_public_key_is_read_in_both_its_forms(form: serialization.PublicFormat) -> None:
    numbers = KEY.public_key().public_numbers()
    assert _tokens.key(public(form)) == _tokens.Key(numbers.n, numbers.e)


@given(st.text() | st.binary().map(lambda raw: f'-----BEGIN KEY-----\n{base64.b64encode(raw).decode()}\n'))
@example(private(OTHER, PRIVATE.PKCS8))
@example('-----BEGIN KEY-----')
def test_what_is_no_rsa_key_is_none(text: str) -> None:
    assert _tokens.key(text) is None


@given(st.dictionaries(st.text(), st.text(), max_size=3))
@settings(max_examples=10)  # signing by arithmetic takes a while
def test_what_was_signed_is_what_is_read(said: dict[str, str]) -> None:
    token = _tokens.signed(SIGNER, said)
    assert _tokens.claims(token, [read(public(PUBLIC.PKCS1))]) == said
    assert _tokens.claims(token, []) is None


def test_the_signature_is_one_that_others_accept_and_theirs_is_accepted() -> None:
    content, _, mark = TOKEN.rpartition('.')
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    KEY.public_key().verify(base64.urlsafe_b64decode(mark + '=='), content.encode(), scheme, digest)
    theirs = base64.urlsafe_b64encode(KEY.sign(content.encode(), scheme, digest)).rstrip(b'=').decode()
    assert theirs == mark


@given(st.text(alphabet='abcAB01-_.=~ é', max_size=60), st.integers(0, 300))
def test_what_nobody_signed_says_nothing(noise: str, at: int) -> None:
    assert _tokens.claims(noise, [SIGNER]) is None
    changed = f'{TOKEN[:at]}{noise}{TOKEN[at + len(noise) :]}'
    if changed.rstrip('=') != TOKEN:
        assert _tokens.claims(changed, [SIGNER]) is None
