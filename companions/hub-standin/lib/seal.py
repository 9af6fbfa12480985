"""Seals what stands on stdin: `seal.py PUBLIC-KEY CLUSTER`. A program of its own, for it needs `cryptography`."""

from __future__ import annotations

import base64
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def seal(receiver: str, text: str, cluster: str) -> str:
    """Return SENDER.CONTENT in base64: X25519, HKDF-SHA256, ChaCha20-Poly1305 with the cluster's name beside it."""
    once = X25519PrivateKey.generate()
    raw = once.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    sender = base64.b64encode(raw).decode()
    shared = once.exchange(X25519PublicKey.from_public_bytes(base64.b64decode(receiver)))
    info = f'hub-registration 1|{sender}|{receiver}'.encode()
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(shared)
    content = ChaCha20Poly1305(key).encrypt(bytes(12), text.encode(), cluster.encode())
    return f'{sender}.{base64.b64encode(content).decode()}'


if __name__ == '__main__':
    sys.stdout.write(seal(sys.argv[1], sys.stdin.read(), sys.argv[2]))
