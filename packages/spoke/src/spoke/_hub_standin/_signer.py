"""Signs requests for certificates as kube-controller-manager does. Computes only, but for serial numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

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

    def sign(self, request: bytes, life: timedelta, now: datetime) -> bytes:
        """Return the certificate for a request. Its life includes five minutes before now, as far as it has them."""
        asked = x509.load_pem_x509_csr(request)
        with _certificates.long_names():
            subject = asked.subject
        begins = now - min(_BACKDATED, life / 2)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(asked.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.certificate.public_key()),  # type: ignore[arg-type]
                critical=False,
            )
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
