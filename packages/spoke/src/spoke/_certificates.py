"""Keys, requests, certificates: made and read with `cryptography`. Computes only, but for the randomness of keys."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ._names import Subject

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
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name, _validate=False))
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


def chain(pem: bytes) -> Chain:
    """Return what a chain says. Raises Unusable."""
    try:
        found = x509.load_pem_x509_certificates(pem)
        return Chain(
            tuple(_common_name(each) for each in found),
            max(each.not_valid_before_utc for each in found),
            min(each.not_valid_after_utc for each in found),
            found[0].public_key().public_bytes(_PEM, _PUBLIC),
        )
    except (ValueError, TypeError) as error:
        raise Unusable('no certificate in PEM') from error


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
