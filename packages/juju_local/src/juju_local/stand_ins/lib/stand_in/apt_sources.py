"""add-apt-repository and apt-key: where packages may come from, and whom to trust."""

from __future__ import annotations

import os
import re
import sys

from . import core

FOLDER = '/etc/apt/sources.list.d'
KEYS = '/etc/apt/trusted.gpg.d'


def main(program: str, arguments: list[str]) -> int:
    return _key(arguments) if program == 'apt-key' else _repository(arguments)


def _repository(arguments: list[str]) -> int:
    """Add or remove a repository: a PPA, a component of Ubuntu, or a whole line."""
    words = [word for word in arguments if not word.startswith('-')]
    if not words:
        raise core.Refused('Error: need a repository as argument', 2)
    text = ' '.join(words)
    ppa = re.fullmatch(r'ppa:([a-z0-9.+-]+)(?:/([a-z0-9.+-]+))?', text)
    if ppa:
        owner, name = ppa.group(1), ppa.group(2) or 'ppa'
        line = f'deb https://ppa.launchpadcontent.net/{owner}/{name}/ubuntu jammy main'
        file = f'{FOLDER}/{owner}-ubuntu-{name}-jammy.list'
    elif text.startswith(('deb ', 'http://', 'https://', 'cloud-archive:')) or text in (
        'universe',
        'multiverse',
        'restricted',
        'main',
    ):
        line = text if text.startswith('deb ') else f'deb {text} jammy main'
        file = f'{FOLDER}/archive_{re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")}.list'
    else:
        raise core.Refused(f"Error: '{text}' invalid")
    if {'-r', '--remove'} & set(arguments):
        core.remove(file)
    else:
        core.write(file, f'{line}\n')
    core.say(f"Repository: '{line}'")
    return 0


def _key(arguments: list[str]) -> int:
    """Keep keys as given: nothing here is signed."""
    ring = ''
    if '--keyring' in arguments:
        at = arguments.index('--keyring')
        ring, arguments = arguments[at + 1], arguments[:at] + arguments[at + 2 :]
    verb = next((word for word in arguments if not word.startswith('-')), '')
    if verb == 'adv' or '--recv-keys' in arguments or '--recv' in arguments:
        place = ring or f'{KEYS}/{arguments[-1].strip()[-16:]}.asc'
        core.write(place, f'key {arguments[-1]}\n')
    elif verb == 'add':
        source = arguments[-1]
        if source == '-':
            text = sys.stdin.read()
        else:
            try:
                with open(source, encoding='utf-8', errors='replace') as file:
                    text = file.read()
            except OSError as error:
                raise core.Refused(f"gpg: can't open '{source}': {error.strerror}", 2) from error
        if not text.strip():
            raise core.Refused('gpg: no valid OpenPGP data found.', 2)
        core.write(f'{KEYS}/apt-key-{len(text)}.asc', text)
        core.say('OK')
    elif verb in ('list', 'finger', 'export', ''):
        place = core.path(KEYS)
        for name in sorted(os.listdir(place)) if os.path.isdir(place) else []:
            core.say(f'{KEYS}/{name}')
    return 0
