"""Typed parsers for the options of the container runtime. Computing only."""

from __future__ import annotations

import re
import shlex

from charms.layer.kubernetes_common import options

NO_PROXY_LENGTH = 2023  # with its name and quotes a line of the 2048 characters that systemd read before version 235
PACKAGE = re.compile(r'(?P<name>[a-z0-9][a-z0-9+.-]+)(=(?P<version>[A-Za-z0-9.+:~-]+))?', re.ASCII)
KEY_SERVER = re.compile(r'((hkps?|https?|ldaps?)://)?[A-Za-z0-9.\[\]:-]+(/[\w./-]*)?', re.ASCII)
PROXY = re.compile(r'((https?|socks5h?)://)?[^\s"\'\\/<>]+(:\d{1,5})?/?', re.ASCII)
CHOICES = ('apt', 'auto', 'nvidia', 'upstream')


def choice(config: options.Config, name: str) -> str:
    return options.choice(config, name, CHOICES)


def daemon_options(config: options.Config, name: str) -> tuple[str, ...]:
    """Return the words of docker-opts, each a flag or the value of one."""
    try:
        words = tuple(shlex.split(options.text(config, name)))
    except ValueError as error:
        raise options.Invalid(name, str(error)[:1].lower() + str(error)[1:]) from error
    if words and not words[0].startswith('-'):
        raise options.Invalid(
            name, f'expected flags of dockerd such as --insecure-registry=HOST, got {words[0][:40]!r}'
        )
    if any(not word.isprintable() for word in words):
        raise options.Invalid(name, 'has a character that cannot be printed, such as a line break within quotes')
    return words


def package(config: options.Config, name: str) -> str:
    """Return a package, maybe pinned; the name is the one that the option is about."""
    about = {
        'docker-ce-package': 'docker-ce',
        'nvidia-docker-package': 'nvidia-docker2',
        'nvidia-container-runtime-package': 'nvidia-container-runtime',
    }[name]
    value = options.text(config, name)
    found = PACKAGE.fullmatch(value)
    if not found or found['name'] != about:
        raise options.Invalid(name, f'expected {about} or {about}=VERSION, got {value[:40]!r}')
    return value


def cuda_repo(config: options.Config, name: str) -> str:
    value = options.text(config, name)
    if not re.fullmatch(r'\d[A-Za-z0-9.+:~-]*', value, re.ASCII):
        raise options.Invalid(name, f'expected the version of a package such as 10.0.130-1, got {value[:40]!r}')
    return value


def key_server(config: options.Config, name: str) -> str:
    value = options.text(config, name)
    if not KEY_SERVER.fullmatch(value) or value.startswith('-'):
        raise options.Invalid(name, f'expected a key server such as hkp://keyserver.ubuntu.com:80, got {value[:60]!r}')
    return value


def proxies(config: options.Config) -> dict[str, str]:
    """Return the environment that the three proxy options make; '' leaves a variable out.

    Raises:
        options.Invalid: with a text that never shows the value, which may hold a password.
    """
    found = {name.upper(): _proxy(config, name) for name in ('http_proxy', 'https_proxy')}
    found['NO_PROXY'] = _no_proxy(config, 'no_proxy')
    return {name: value for name, value in found.items() if value}


def _proxy(config: options.Config, name: str) -> str:
    value = options.text(config, name)
    if value and not PROXY.fullmatch(value):
        raise options.Invalid(name, 'expected the URL of a proxy such as http://proxy.example.com:3128')
    return value


def _no_proxy(config: options.Config, name: str) -> str:
    value = ','.join(part.strip() for part in options.text(config, name).split(',') if part.strip())
    if len(value) >= NO_PROXY_LENGTH:
        raise options.Invalid(name, f'is {len(value)} characters long, must be less than {NO_PROXY_LENGTH}')
    if not re.fullmatch(r'[\w.,:/*\[\]%-]*', value, re.ASCII):
        raise options.Invalid(name, 'expected names and addresses with commas between them')
    return value


def flags(usage: str) -> frozenset[str]:
    """Return the names of the flags in what `dockerd --help` prints."""
    return frozenset(re.findall(r'(?m)^\s*(?:-\w, )?--([a-z0-9][a-z0-9-]*)', usage))
