"""apt-cache and apt-config: what the archive offers, and apt's settings."""

from __future__ import annotations

from . import core, packages

SETTINGS = {
    'APT': '',
    'APT::Architecture': 'amd64',
    'APT::Install-Recommends': '1',
    'APT::Install-Suggests': '0',
    'Dir': '/',
    'Dir::State': 'var/lib/apt',
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': 'var/cache/apt',
    'Dir::Etc': 'etc/apt',
    'Dir::Etc::sourcelist': 'sources.list',
    'Dir::Etc::sourceparts': 'sources.list.d',
}


def main(program: str, arguments: list[str]) -> int:
    """Run `apt-config dump`, or `apt-cache show|policy|madison|pkgnames|search`."""
    words = [word for word in arguments if not word.startswith('-')]
    verb, names = (words[0], words[1:]) if words else ('', [])
    if program == 'apt-config':
        for key, value in SETTINGS.items():
            core.say(f'{key} "{value}";')
        return 0
    verbs = {
        'show': _show,
        'policy': _policy,
        'madison': _madison,
        'pkgnames': _names,
        'search': _search,
        'list': _list,
    }
    if verb not in verbs:
        raise core.Refused(f'E: Invalid operation {verb}', 100)
    return verbs[verb](names)


def _show(names: list[str]) -> int:
    offered = packages.available()
    for name in names:
        if name not in offered:
            core.complain(f'N: Unable to locate package {name}')
            continue
        package = offered[name]
        lines = [
            f'Package: {name}',
            f'Architecture: {package.get("architecture", "amd64")}',
            f'Version: {package["version"]}',
        ]
        lines += ['Priority: optional', f'Section: {package.get("section", "admin")}']
        lines += [f'Depends: {", ".join(package["depends"])}'] if package.get('depends') else []
        lines += [f'Conflicts: {", ".join(package["conflicts"])}'] if package.get('conflicts') else []
        core.say('\n'.join([*lines, f'Description: {package.get("description", name)}', '']))
    if not set(names) & set(offered):
        raise core.Refused('E: No packages found', 100)
    return 0


def _policy(names: list[str]) -> int:
    offered, present = packages.available(), packages.installed()
    for name in names:
        if name not in offered and name not in present:
            continue
        now = present[name]['version'] if packages.is_installed(present, name) else '(none)'
        candidate = offered.get(name, {}).get('version', '(none)')
        core.say(f'{name}:\n  Installed: {now}\n  Candidate: {candidate}\n  Version table:')
        mark = '***' if now == candidate else '   '
        core.say(f' {mark} {candidate} 500\n        500 http://archive.ubuntu.com/ubuntu jammy/main amd64 Packages')
    return 0


def _madison(names: list[str]) -> int:
    for name in names:
        package = packages.available().get(name)
        if package is None:
            core.complain(f'N: Unable to locate package {name}')
            continue
        for version in [package['version'], *package.get('versions', [])]:
            core.say(f' {name} | {version} | http://archive.ubuntu.com/ubuntu jammy/main amd64 Packages')
    return 0


def _names(names: list[str]) -> int:
    for name in sorted(packages.available()):
        if not names or name.startswith(names[0]):
            core.say(name)
    return 0


def _search(names: list[str]) -> int:
    for name, package in sorted(packages.available().items()):
        if all(word in f'{name} {package.get("description", "")}' for word in names):
            core.say(f'{name} - {package.get("description", name)}')
    return 0


def _list(names: list[str]) -> int:
    core.say('Listing...')
    present = packages.installed()
    for name, package in sorted(packages.available().items()):
        if not names or name in names:
            mark = ' [installed]' if packages.is_installed(present, name) else ''
            core.say(f'{name}/jammy {package["version"]} {package.get("architecture", "amd64")}{mark}')
    return 0
