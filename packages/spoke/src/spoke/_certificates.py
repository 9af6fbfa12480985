"""Keys, requests, certificates: made and read with `cryptography`. Computes only, but for the randomness of keys."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ._names import Subject

_BLOCK = re.compile(rb'-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----', re.DOTALL)
# before 37 the length of a name was not checked, and there was nothing to switch off
_UNCHECKED: dict[str, Any] = (
    {'_validate': False} if '_validate' in inspect.signature(x509.NameAttribute).parameters else {}
)
_PEM = serialization.Encoding.PEM
_PUBLIC = serialization.PublicFormat.SubjectPublicKeyInfo


class Unusable(ValueError):
    """What should be a certificate, a key or a request is none."""


@dataclass(frozen=True)
class Chain:
    """Certificates as a signer returns them, the holder's first."""

    common_names: tuple[str, ...]
    begins: datetime  # the latest notBefore
    ends: datetime  # the earliest notAfter
    public_key: bytes  # of the first
    serial: str  # of the first, as openssl writes it

    @property
    def life(self) -> timedelta:
        return self.ends - self.begins

    def is_expired(self, now: datetime) -> bool:
        return now > self.ends


@contextlib.contextmanager
def long_names() -> Iterator[None]:
    """Let common names have more than X.520's 64 characters: the prefix and a UUID have 73, and servers take them."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message=r"Attribute's length must be", category=UserWarning)
        yield


def new_key() -> bytes:
    """Return a new P-256 key as `EC PRIVATE KEY`."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        _PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise Unusable('no private key in PEM') from error  # whose text may quote the key
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Unusable('the private key is on no elliptic curve')
    return key


def public_key(pem: bytes) -> bytes:
    """Return the public half of a private key. Raises Unusable."""
    return _key(pem).public_key().public_bytes(_PEM, _PUBLIC)


def request(key: bytes, subject: Subject) -> bytes:
    """Return a certificate signing request in PEM. Raises Unusable for a key that is none."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in subject.organizations]
    attributes += [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, each) for each in subject.units]
    with long_names():
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name, **_UNCHECKED))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if subject.dns_names:
        names = [x509.DNSName(name) for name in subject.dns_names]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(_key(key), hashes.SHA256()).public_bytes(_PEM)


def key_of_request(pem: bytes) -> bytes:
    """Return the public key that a request is for. Raises Unusable."""
    try:
        return x509.load_pem_x509_csr(pem).public_key().public_bytes(_PEM, _PUBLIC)
    except (ValueError, TypeError) as error:
        raise Unusable('no certificate signing request in PEM') from error


@functools.lru_cache(maxsize=2048)  # a thousand agents look at theirs, and at no other, many times a minute
def chain(pem: bytes) -> Chain:
    """Return what a chain says. Raises Unusable."""
    try:
        found = [x509.load_pem_x509_certificate(block) for block in _BLOCK.findall(pem)]
        return Chain(
            tuple(_common_name(each) for each in found),
            max(_moment(each, 'not_valid_before') for each in found),
            min(_moment(each, 'not_valid_after') for each in found),
            found[0].public_key().public_bytes(_PEM, _PUBLIC),
            _serial(found[0].serial_number),
        )
    except (ValueError, TypeError) as error:
        raise Unusable('no certificate in PEM') from error


def _serial(number: int) -> str:
    digits = f'{number:X}'
    return digits.rjust(len(digits) + len(digits) % 2, '0')


def _moment(certificate: x509.Certificate, name: str) -> datetime:
    """Return one of its dates; a charm has the cryptography of its series, and before 42 they were naive."""
    found: datetime | None = getattr(certificate, f'{name}_utc', None)
    if found is not None:
        return found
    naive: datetime = getattr(certificate, name)
    return naive.replace(tzinfo=timezone.utc)


def _common_name(holder: x509.Certificate | x509.CertificateSigningRequest) -> str:
    with long_names():
        found = holder.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ''


def fits(key: bytes, certificates: Chain) -> bool:
    """Tell whether the key is the certificate's."""
    try:
        return public_key(key) == certificates.public_key
    except Unusable:
        return False


def rotation_moment(certificates: Chain, share_left: float) -> datetime:
    """Return when no more than `share_left` (0 to 1) of the life of the chain is left."""
    return certificates.ends - certificates.life * share_left


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


def name_in_request(pem: bytes) -> str:
    """Return the common name that a request asks for, '' for none. Raises Unusable."""
    try:
        return _common_name(x509.load_pem_x509_csr(pem))
    except (ValueError, TypeError) as error:
        raise Unusable('no certificate signing request in PEM') from error


def organizations_in_request(pem: bytes) -> list[str]:
    """Return the organizations that a request asks for. Raises Unusable."""
    try:
        with long_names():
            subject = x509.load_pem_x509_csr(pem).subject
    except (ValueError, TypeError) as error:
        raise Unusable('no certificate signing request in PEM') from error
    return [str(each.value) for each in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
