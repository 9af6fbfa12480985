"""apt-mark: hold, unhold, auto, manual, and what is so marked."""

from __future__ import annotations

from . import core, packages

DONE = {
    'hold': ('{} set on hold.', '{} was already set on hold.'),
    'unhold': ('Canceled hold on {}.', '{} was already not on hold.'),
    'auto': ('{} set to automatically installed.', '{} was already set to automatically installed.'),
    'manual': ('{} set to manually installed.', '{} was already set to manually installed.'),
}


def main(_program: str, arguments: list[str]) -> int:
    """Run one verb of apt-mark."""
    words = [word for word in arguments if not word.startswith('-')]
    verb, names = (words[0], words[1:]) if words else ('', [])
    if verb in ('showhold', 'showauto', 'showmanual'):
        for name, each in sorted(packages.installed().items()):
            marks = {'showhold': each['status'] == 'hi', 'showauto': each['auto'], 'showmanual': not each['auto']}
            if marks[verb] and (not names or name in names):
                core.say(name)
        return 0
    if verb not in DONE:
        raise core.Refused(f'E: Invalid operation {verb}', 100)
    with core.state('dpkg') as kept:
        present = kept.setdefault('packages', {})
        for name in names:
            if name not in present and name not in packages.archive():
                raise core.Refused(f'E: Unable to locate package {name}\nE: No packages found', 100)
            core.say(DONE[verb][0 if _mark(present.get(name, {}), verb) else 1].format(name))
    return 0


def _mark(package: dict[str, object], verb: str) -> bool:
    """Mark an installed package; False if it already was."""
    key, value = {
        'hold': ('status', 'hi'),
        'unhold': ('status', 'ii'),
        'auto': ('auto', True),
        'manual': ('auto', False),
    }[verb]
    if not package or package[key] == value or package['status'] == 'rc':
        return False
    package[key] = value
    return True
