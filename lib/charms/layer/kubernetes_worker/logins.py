"""Logins at image registries: what option docker-logins asks for, and what docker has. Decides only."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from charms.layer.kubernetes_common import options

OPTION = 'docker-logins'
KEYS = ('server', 'username', 'password')
HUB = ('docker.io', 'index.docker.io', 'registry-1.docker.io')  # names of the one registry that docker knows itself
SERVER = re.compile(r'(https?://)?[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]*(/[\w./-]*)?', re.ASCII)


@dataclass(frozen=True)
class Login:
    """Credentials for one registry."""

    server: str
    username: str
    password: str = field(repr=False)

    @property
    def stored(self) -> str:
        """What docker keeps of it: the secret, in clear but for its spelling."""
        return base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()


@dataclass(frozen=True)
class Changes:
    """What to do, in this order."""

    leave: tuple[str, ...]  # servers
    enter: tuple[Login, ...]


def parse(config: options.Config) -> list[Login]:
    """Return the logins of the option.

    Raises:
        options.Invalid: with a text that shows no value but a server's, so never a password.
    """
    found = [_login(number, entry) for number, entry in enumerate(options.objects(config, OPTION), 1)]
    names = [registry(login.server) for login in found]
    twice = next((name for name in names if names.count(name) > 1), '')
    if twice:
        raise options.Invalid(OPTION, f'server {twice} is there twice')
    return found


def _login(number: int, entry: Mapping[str, object]) -> Login:
    values = {}
    for key in KEYS:
        value = entry.get(key)
        if not isinstance(value, str) or not value:
            raise options.Invalid(OPTION, f'object {number} has no text {key!r}')
        if not value.isprintable():
            raise options.Invalid(OPTION, f'object {number} has a {key} with a character that cannot be printed')
        values[key] = value
    if not SERVER.fullmatch(values['server']):
        raise options.Invalid(OPTION, f'object {number}: expected a server such as my.registry:5000')
    if ':' in values['username']:
        raise options.Invalid(OPTION, f'object {number} has a username with a colon')
    return Login(**values)


def changes(wanted: Collection[Login], stored: Mapping[str, str], ours: Collection[str]) -> Changes:
    """Return what leads from the stored logins to the wanted ones; logins made by hand stay.

    Args:
        wanted: what the option asks for.
        stored: server to secret, as docker keeps them; '' where a credential helper has the secret.
        ours: servers that the charm has logged in to.
    """
    present = {registry(server): secret for server, secret in stored.items()}
    names = {registry(login.server) for login in wanted}
    leave = tuple(sorted(server for server in ours if registry(server) not in names))
    enter = tuple(login for login in wanted if present.get(registry(login.server)) not in (login.stored, ''))
    return Changes(leave, enter)


def registry(server: str) -> str:
    """Return the name of a registry, however it is spelled: docker stores some under a URL."""
    name = re.sub(r'^https?://', '', server).partition('/')[0].lower()
    return HUB[0] if name in HUB else name
