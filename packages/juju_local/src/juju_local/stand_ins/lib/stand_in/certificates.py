"""update-ca-certificates: puts the certificates of /usr/local/share/ca-certificates into the machine's bundle."""

from __future__ import annotations

import os

from . import core

LOCAL = '/usr/local/share/ca-certificates'
CERTS = '/etc/ssl/certs'
BUNDLE = f'{CERTS}/ca-certificates.crt'


def main(_program: str, _arguments: list[str]) -> int:
    """Make links and bundle fit the folder; the bundle as it was found is kept as its base."""
    with core.state('certificates') as kept:
        if 'base' not in kept:
            kept['base'] = core.read(BUNDLE)
        found = _found()
        added = [name for name in found if name not in kept.get('links', [])]
        removed = [name for name in kept.get('links', []) if name not in found]
        for name in removed:
            core.remove(f'{CERTS}/{name}.pem')
        for name, file in found.items():
            core.link(f'{CERTS}/{name}.pem', f'{LOCAL}/{file}')
        kept['links'] = sorted(found)
        texts = [core.read(f'{LOCAL}/{file}').rstrip('\n') + '\n' for file in found.values()]
        core.write(BUNDLE, kept['base'] + ''.join(texts))
    core.say(f'Updating certificates in /etc/ssl/certs...\n{len(added)} added, {len(removed)} removed; done.')
    core.say('Running hooks in /etc/ca-certificates/update.d...\ndone.')
    return 0


def _found() -> dict[str, str]:
    """Return the local certificates: name of the link to path under LOCAL."""
    base = core.path(LOCAL)
    paths = [os.path.relpath(f'{folder}/{name}', base) for folder, _, names in os.walk(base) for name in names]
    return {os.path.basename(path)[:-4]: path for path in sorted(paths) if path.endswith('.crt')}
