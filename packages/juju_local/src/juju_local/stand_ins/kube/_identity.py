"""Who is asking: token file, basic file, client certificates. Files are read once, at start, as by the real server."""

from __future__ import annotations

import base64
import csv
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _program, _statuses

AUTHENTICATED = 'system:authenticated'


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ''


CONTROLLER_MANAGER = 'system:kube-controller-manager'
CONTROLLERS = 'system:serviceaccount:kube-system:controllers'
# All controllers share one account that has no secret: the controller manager adds this to its own token for them.
AS_CONTROLLERS = f'~{CONTROLLERS}'
ANONYMOUS = User('system:anonymous', ('system:unauthenticated',))
UNSECURED = User('system:unsecured', ('system:masters', AUTHENTICATED))


class Authenticator:
    """Knows the users of the files it was given, and those that `account` knows by their token."""

    def __init__(
        self, tokens: str, passwords: str, *, anonymous: bool, account: Callable[[str], User | None] = lambda _: None
    ) -> None:
        self._anonymous = anonymous
        self._account = account
        rows = _rows(tokens, 'token')
        self._tokens = {row[0]: _user(row) for row in rows}
        self._passwords = {row[1]: (row[0], _user(row)) for row in _rows(passwords, 'password')}

    def user(self, authorization: str, certificate: Mapping[str, Any] | None) -> User:
        """Return who sent a request; raises 401 for credentials that are wrong, or missing and needed."""
        if certificate:
            return _of_certificate(certificate)
        scheme, _, credentials = authorization.partition(' ')
        if scheme.lower() == 'bearer' and credentials.strip():
            return self._of_token(credentials.strip())
        if scheme.lower() == 'basic':
            return self._of_password(credentials)
        if not self._anonymous:
            raise _statuses.unauthorized()
        return ANONYMOUS

    def _of_token(self, token: str) -> User:
        found = self._tokens.get(token.removesuffix(AS_CONTROLLERS)) or self._account(token)
        if not found:
            raise _statuses.unauthorized()
        if token.endswith(AS_CONTROLLERS) and found.name == CONTROLLER_MANAGER:
            return User(CONTROLLERS, ('system:serviceaccounts', 'system:serviceaccounts:kube-system', AUTHENTICATED))
        return found

    def _of_password(self, credentials: str) -> User:
        try:
            name, _, password = base64.b64decode(credentials, validate=True).decode().partition(':')
        except ValueError as error:
            raise _statuses.unauthorized() from error
        wanted, user = self._passwords.get(name, ('', None))
        if user is None or not hmac.compare_digest(wanted.encode(), password.encode()):
            raise _statuses.unauthorized()
        return user


def _user(row: list[str]) -> User:
    groups = tuple(group.strip() for group in row[3].split(',')) if len(row) > 3 and row[3] else ()
    return User(row[1], (*groups, AUTHENTICATED), row[2])


def _rows(path: str, what: str) -> list[list[str]]:
    if not path:
        return []
    try:
        text = Path(path).read_text(encoding='utf-8')
    except OSError as error:
        raise _program.Fatal(f'invalid authentication config: open {path}: {str(error.strerror).lower()}') from error
    # encoding/csv drops empty lines and the blanks before a field; a '#' begins a comment line in neither.
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), skipinitialspace=True) if row]
    for number, row in enumerate(rows, 1):
        if len(row) < 3:
            why = f"{what} file '{path}' must have at least 3 columns ({what}, user name, user uid), found {len(row)}"
            raise _program.Fatal(f'invalid authentication config: {why} (line {number})')
    return [row for row in rows if row[0]]


def _of_certificate(certificate: Mapping[str, Any]) -> User:
    names = [item for part in certificate.get('subject', ()) for item in part]
    common = next((value for key, value in names if key == 'commonName'), '')
    groups = tuple(value for key, value in names if key == 'organizationName')
    return User(common, (*groups, AUTHENTICATED))
