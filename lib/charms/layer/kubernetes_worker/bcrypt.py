"""A door: checks passwords against bcrypt hashes through the system's own libcrypt.

Ubuntu's is libxcrypt, which knows bcrypt, and login needs it: it is on every machine. Python's own module crypt
is gone in 3.13, and the package bcrypt wants a compiler where there is no wheel.
"""

from __future__ import annotations

import ctypes
import hmac

LIBRARY = 'libcrypt.so.1'


def matches(password: str, hashed: str) -> bool:
    """Tell whether a password is the one of a hash such as `$2y$05$...`.

    Raises:
        OSError: there is no libcrypt.
    """
    library = ctypes.CDLL(LIBRARY)
    library.crypt.restype = ctypes.c_char_p
    library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    found: bytes | None = library.crypt(password.encode(), hashed.encode())
    return found is not None and hmac.compare_digest(found, hashed.encode())
