"""JSON web tokens signed with RSA (RS256), by arithmetic: programs of the store get by without a cryptography package.

Pure. Left out: keys on elliptic curves, and the name of the key in a token's header.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
_RSA = bytes.fromhex('06092a864886f70d010101')  # the object identifier of RSA keys, as DER
_SHA256 = bytes.fromhex('3031300d060960864801650304020105000420')  # what PKCS #1 v1.5 puts before a digest
_INTEGER, _BITS, _OCTETS, _SEQUENCE = 0x02, 0x03, 0x04, 0x30


@dataclass(frozen=True)
class Key:
    modulus: int
    exponent: int
    private: int = field(default=0, repr=False)  # 0: it is a public key


def key(pem: str) -> Key | None:
    """Return the RSA key of a PEM text, private or public, in its own form or wrapped; None if it is none."""
    lines = [line.strip() for line in pem.splitlines()]
    first = next((number for number, line in enumerate(lines) if line.startswith('-----BEGIN ')), None)
    if first is None:
        return None
    body = lines[first + 1 :]
    end = next((number for number, line in enumerate(body) if line.startswith('-----END ')), len(body))
    try:
        return _key(base64.b64decode(''.join(body[:end]), validate=True))
    except (ValueError, IndexError):
        return None


def signed(signer: Key, claims: Mapping[str, Any]) -> str:
    """Return the token that says `claims`."""
    said = f'{_encoded(_json({"alg": "RS256"}))}.{_encoded(_json(claims))}'
    size = _size(signer)
    mark = pow(int.from_bytes(_padded(said, size), 'big'), signer.private, signer.modulus)
    return f'{said}.{_encoded(mark.to_bytes(size, "big"))}'


def claims(token: str, keys: Iterable[Key]) -> Json | None:
    """Return what a token says, None unless one of the keys has signed it."""
    said, _, mark = token.rpartition('.')
    try:
        header, body = (json.loads(_decoded(part)) for part in said.split('.'))
        number = int.from_bytes(_decoded(mark), 'big')
        is_signed = header['alg'] == 'RS256' and any(_is_by(each, said, number) for each in keys)
    except (ValueError, KeyError, TypeError):
        return None
    return body if is_signed and isinstance(body, dict) else None


def _is_by(signer: Key, said: str, mark: int) -> bool:
    size = _size(signer)
    return mark < signer.modulus and pow(mark, signer.exponent, signer.modulus).to_bytes(size, 'big') == _padded(
        said, size
    )


def _padded(said: str, size: int) -> bytes:
    digest = _SHA256 + hashlib.sha256(said.encode()).digest()
    return b'\x00\x01' + b'\xff' * (size - len(digest) - 3) + b'\x00' + digest


def _size(signer: Key) -> int:
    return (signer.modulus.bit_length() + 7) // 8


def _key(der: bytes) -> Key | None:
    parts = list(_parts(next(_parts(der), (0, b''))[1]))
    tags = [tag for tag, _ in parts]
    if tags[:2] == [_SEQUENCE, _BITS] and parts[0][1].startswith(_RSA):  # SubjectPublicKeyInfo
        return _key(parts[1][1][1:])
    if tags[:3] == [_INTEGER, _SEQUENCE, _OCTETS] and parts[1][1].startswith(_RSA):  # PKCS #8
        return _key(parts[2][1])
    if tags == [_INTEGER] * len(tags) and len(tags) in (2, 9):  # PKCS #1: n, e; or version, n, e, d, p, ...
        numbers = [int.from_bytes(content, 'big') for _, content in parts]
        return Key(*numbers) if len(tags) == 2 else Key(*numbers[1:4])
    return None


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of what stands side by side."""
    while der:
        tag, length, at = der[0], der[1], 2
        if length & 0x80:
            at += length & 0x7F
            length = int.from_bytes(der[2:at], 'big')
        yield tag, der[at : at + length]
        der = der[at + length :]


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(',', ':')).encode()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b'=').decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + '=' * (-len(text) % 4), altchars=b'-_', validate=True)
