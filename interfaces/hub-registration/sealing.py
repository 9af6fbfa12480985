"""Seals a text to a public key: whoever shares a relation can read its data, and only the key's holder what is sealed.

X25519 with a key pair for each message, HKDF-SHA256, ChaCha20-Poly1305. What the text is about (the cluster's name) is
bound to it: an answer that is moved to another cluster cannot be opened. Computes only, but for randomness;
`cryptography` is imported when something is sealed or opened, for a hook without either shall not wait for it.
"""

from __future__ import annotations

import base64
import binascii

_PURPOSE = b'hub-registration 1'
_NONCE = bytes(12)  # the key is used once


class Unreadable(Exception):
    """What was sealed cannot be opened with this key, or the key is none."""


def new_key() -> str:
    """Return a new private key as text."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    raw = serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    return _text(X25519PrivateKey.generate().private_bytes(*raw))


def public(private: str) -> str:
    """Return the public half of a private key. Raises Unreadable."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    try:
        return _raw_public(X25519PrivateKey.from_private_bytes(_bytes(private)).public_key())
    except ValueError as error:
        raise Unreadable('this is no private key') from error


def seal(public_key: str, text: str, about: str) -> str:
    """Return `text`, readable with the private half of the key alone. Raises Unreadable for a key that is none."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    once = X25519PrivateKey.generate()
    try:
        shared = once.exchange(X25519PublicKey.from_public_bytes(_bytes(public_key)))
    except ValueError as error:
        raise Unreadable('this is no public key') from error
    sender = _raw_public(once.public_key())
    sealed = ChaCha20Poly1305(_key(shared, sender, public_key)).encrypt(_NONCE, text.encode(), about.encode())
    return f'{sender}.{_text(sealed)}'


def unseal(private: str, sealed: str, about: str) -> str:
    """Return what was sealed. Raises Unreadable."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    sender, _, content = sealed.partition('.')
    try:
        key = X25519PrivateKey.from_private_bytes(_bytes(private))
        shared = key.exchange(X25519PublicKey.from_public_bytes(_bytes(sender)))
        opened = ChaCha20Poly1305(_key(shared, sender, _raw_public(key.public_key())))
        return opened.decrypt(_NONCE, _bytes(content), about.encode()).decode()
    except (ValueError, InvalidTag) as error:
        raise Unreadable('it is not sealed to this key, or not about this cluster') from error


def _key(shared: bytes, sender: str, receiver: str) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = b'|'.join((_PURPOSE, sender.encode(), receiver.encode()))
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(shared)


def _raw_public(key: object) -> str:
    from cryptography.hazmat.primitives import serialization

    return _text(key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))  # type: ignore[attr-defined]


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    """Raises ValueError, also for what Python takes for base64 and is not."""
    try:
        return base64.b64decode(text.encode('ascii', 'strict'), validate=True)
    except (binascii.Error, UnicodeError) as error:
        raise ValueError('this is no base64') from error
