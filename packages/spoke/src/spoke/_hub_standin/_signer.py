"""Signs requests for certificates as kube-controller-manager does. Computes only, but for serial numbers and keys."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .. import _certificates

_BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True)
class Signer:
    """An authority that signs for clients."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @classmethod
    def from_pem(cls, certificate: bytes, key: bytes) -> Signer:
        """Raises ValueError."""
        loaded = serialization.load_pem_private_key(key, password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise ValueError('the key of the authority is neither of an elliptic curve nor RSA')
        return cls(x509.load_pem_x509_certificate(certificate), loaded)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def serving(self, host: str, life: timedelta) -> tuple[bytes, bytes]:
        """Return certificate and key for a server at that host."""
        names: list[x509.GeneralName] = [x509.DNSName('localhost')]
        with contextlib.suppress(ValueError):
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'hub-standin')])
        return self._issued(subject, ExtendedKeyUsageOID.SERVER_AUTH, life, x509.SubjectAlternativeName(names))

    def same(self, certificate: x509.Certificate, life: timedelta) -> tuple[bytes, bytes]:
        """Return another certificate, and its key, for the client that this one is for."""
        with _certificates.long_names():
            subject = certificate.subject
        return self._issued(subject, ExtendedKeyUsageOID.CLIENT_AUTH, life)

    def _issued(
        self, subject: x509.Name, usage: x509.ObjectIdentifier, life: timedelta, *more: x509.ExtensionType
    ) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = self._signed(subject, key.public_key(), usage, life, _certificates.utc_now(), more)
        encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        return pem, key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)

    def sign(self, request: bytes, life: timedelta, now: datetime) -> bytes:
        """Return the certificate for a request. Its life includes five minutes before now, as far as it has them."""
        asked = x509.load_pem_x509_csr(request)
        with _certificates.long_names():
            subject = asked.subject
        public: Any = asked.public_key()
        return self._signed(subject, public, ExtendedKeyUsageOID.CLIENT_AUTH, life, now)

    def _signed(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, usage: x509.ObjectIdentifier, life: timedelta,
        now: datetime, more: Iterable[x509.ExtensionType] = (),
    ) -> bytes:  # fmt: skip
        begins = now - min(_BACKDATED, life / 2)
        ours: Any = self.certificate.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), critical=False)
        )
        for extension in more:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
