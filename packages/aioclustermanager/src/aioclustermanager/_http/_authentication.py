"""Who asks: the header each request carries, and where a new one comes from when the old one has expired."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ._errors import InvalidConfiguration
from ._tls import ClientCertificate

_REREAD_S = 60.0  # a projected token is replaced at 80 % of its life, which is ten minutes at least


@dataclass(frozen=True)
class Grant:
    """What the server is shown, until `expires` (time.monotonic())."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: ClientCertificate | None = None
    expires: float = float('inf')


class Authentication(Protocol):
    """Where grants come from."""

    async def grant(self) -> Grant:
        """Return what to show now; asked again when the last one expired or the server answered 401."""
        ...

    @property
    def renewable(self) -> bool:
        """Whether asking again can bring something new."""
        ...


@dataclass(frozen=True)
class Fixed:
    """One header for ever: a bearer token, basic authentication, X-Nomad-Token."""

    name: str
    text: str = field(repr=False)
    renewable: bool = False

    async def grant(self) -> Grant:
        return Grant({self.name: self.text})


def bearer(token: str) -> Fixed:
    """Return the authentication by a token."""
    return Fixed('Authorization', f'Bearer {token.strip()}')


def basic(user: str, password: str) -> Fixed:
    """Return the authentication by user and password."""
    return Fixed('Authorization', 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode('ascii'))


@dataclass(frozen=True)
class TokenFile:
    """A bearer token that somebody else keeps fresh in a file: read again every minute, and at once after a 401."""

    path: str
    renewable: bool = True

    async def grant(self) -> Grant:
        try:
            text = Path(self.path).read_text(encoding='utf-8')  # a few bytes: quicker than a thread
        except OSError as error:
            raise InvalidConfiguration(f'cannot read the token in {self.path}: {error.strerror}') from error
        if not (token := text.strip()):
            raise InvalidConfiguration(f'cannot read the token in {self.path}: the file is empty')
        return Grant({'Authorization': f'Bearer {token}'}, expires=time.monotonic() + _REREAD_S)
