"""apt-get and apt: install, remove, upgrade, from what packages.json offers."""

from __future__ import annotations

import sys

from . import core, init_client, packages, snap_files, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WITH_VALUE = {
    '-o',
    '--option',
    '-t',
    '--target-release',
    '--default-release',
    '-c',
    '--config-file',
    '-a',
    '--host-architecture',
}
READING = 'Reading package lists...\nBuilding dependency tree...\nReading state information...'


class Call:
    """A command line taken apart."""

    def __init__(self, arguments: list[str]) -> None:
        self.flags: set[str] = set()
        self.words: list[str] = []
        todo = list(arguments)
        while todo:
            word = todo.pop(0)
            if word in WITH_VALUE:
                todo = todo[1:]
            elif word.startswith('-') and len(word) > 1:
                self.flags.add(word)
            else:
                self.words.append(word)
        self.verb = self.words.pop(0) if self.words else ''

    @property
    def says_yes(self) -> bool:
        letters = ''.join(flag[1:] for flag in self.flags if not flag.startswith('--'))
        return bool(self.flags & {'--assume-yes', '--yes', '--force-yes'}) or 'y' in letters or 'qq' in letters

    @property
    def downloads_only(self) -> bool:
        return bool(self.flags & {'-d', '--download-only'})

    @property
    def simulates(self) -> bool:
        return bool(self.flags & {'-s', '--simulate', '--dry-run', '--just-print', '--no-act', '--recon'})


def main(program: str, arguments: list[str]) -> int:
    """Run one command of apt-get (or apt, which has the same here, and list, show, search)."""
    call = Call(arguments)
    if program == 'apt' and call.verb in ('show', 'policy', 'list', 'search'):
        from . import apt_cache

        return apt_cache.main('apt-cache', [call.verb, *call.words])
    if call.flags & {'-v', '--version'}:
        core.say('apt 2.4.11 (amd64)')
        return 0
    if call.verb not in VERBS:
        raise core.Refused(f'E: Invalid operation {call.verb}', 100)
    return VERBS[call.verb](call)


def _update(_call: Call) -> int:
    for line in packages.sources().splitlines():
        words = [word for word in line.split() if not word.startswith('[') and not word.endswith(']')]
        if len(words) > 2 and words[0] == 'deb':
            core.say(f'Hit:1 {words[1]} {words[2]} InRelease')
    core.say('Reading package lists...')
    return 0


def _install(call: Call) -> int:
    core.say(READING)
    with core.state('dpkg') as kept:
        present = kept.setdefault('packages', {})
        offered = packages.available()
        unwanted = _unwanted(call, offered)
        wanted = _wanted(call, offered)
        plan = packages.plan(offered, present, wanted)
        gone = packages.needing(packages.archive(), present, unwanted)
        plan.remove += [name for name in gone if name not in plan.remove]
        for name in wanted:
            if name not in plan.install and name not in plan.upgrade:
                core.say(f'{name} is already the newest version ({present[name]["version"]}).')
                present[name]['auto'] = False
        _refuse_held(call, present, plan)
        _announce(plan)
        if call.simulates or call.downloads_only:
            return 0
        _ask(call, plan, list(wanted))
        _carry_out(offered, present, plan, wanted)
        failed = _set_up(offered, present, plan.install + plan.upgrade)
    if failed:
        raise core.Refused(_configure_error(failed), 100)
    return 0


def _unwanted(call: Call, offered: dict[str, Any]) -> list[str]:
    """Take the words out that ask for a removal (`NAME-`), and return their names."""
    words = [word for word in call.words if word.endswith('-') and word not in offered]
    call.words = [word for word in call.words if word not in words]
    for word in words:
        if word[:-1] not in packages.archive():
            raise core.Refused(f'E: Unable to locate package {word[:-1]}', 100)
    return [word[:-1] for word in words]


def _wanted(call: Call, offered: dict[str, Any]) -> dict[str, str]:
    """Return the packages named, with the version asked for or ''."""
    found: dict[str, str] = {}
    for word in call.words:
        if word.startswith(('/', './')):
            from . import dpkg

            name, version = dpkg.read_deb(word)
            offered[name] = offered.get(name, {}) | {'version': version}
            found[name] = ''
            continue
        name, _, version = word.partition('=')
        found[name.partition('/')[0].partition(':')[0]] = version
    return found


def _refuse_held(call: Call, present: dict[str, Any], plan: packages.Plan) -> None:
    held = [name for name in plan.upgrade + plan.remove if present[name]['status'] == 'hi']
    if held and not call.flags & {'--allow-change-held-packages', '--force-yes', '--ignore-hold'}:
        core.say('The following held packages will be changed:\n  ' + ' '.join(held))
        raise core.Refused('E: Held packages were changed and -y was used without --allow-change-held-packages.', 100)


def _announce(plan: packages.Plan) -> None:
    for names, title in (
        (plan.remove, 'The following packages will be REMOVED:'),
        (plan.install, 'The following NEW packages will be installed:'),
        (plan.upgrade, 'The following packages will be upgraded:'),
    ):
        if names:
            core.say(f'{title}\n  {" ".join(sorted(names))}')
    counts = (len(plan.upgrade), len(plan.install), len(plan.remove))
    core.say('{} upgraded, {} newly installed, {} to remove and 0 not upgraded.'.format(*counts))


def _ask(call: Call, plan: packages.Plan, named: list[str]) -> None:
    """Ask before doing more than was named, as apt does."""
    more = plan.remove or set(plan.install + plan.upgrade) - set(named)
    if not more or call.says_yes:
        return
    core.say('Do you want to continue? [Y/n] ')
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in ('y', 'yes'):
        raise core.Refused('Abort.')


def _carry_out(offered: dict[str, Any], present: dict[str, Any], plan: packages.Plan, wanted: dict[str, str]) -> None:
    take_away(present, plan.remove, purge=False)
    for name in plan.install + plan.upgrade:
        version = wanted.get(name) or offered[name]['version']
        core.say(f'Unpacking {name} ({version}) ...')
        auto = name not in wanted and present.get(name, {}).get('auto', True)
        held = present.get(name, {}).get('status') == 'hi'
        packages.unpack(present, name, offered[name], version)
        present[name]['auto'] = auto
        present[name]['status'] = 'hi' if held else 'ii'


def _set_up(offered: dict[str, Any], present: dict[str, Any], names: list[str]) -> list[str]:
    """Start what the packages bring; return those whose service did not start (they stay half configured)."""
    failed = []
    for name in names:
        core.say(f'Setting up {name} ({present[name]["version"]}) ...')
        services = [units.full_name(service) for service in offered[name].get('services', [])]
        snap_files.enable(services)
        jobs = snap_files.systemctl('restart', services)
        for job in jobs:
            core.complain(
                f'Job for {job["unit"]} failed.\ninvoke-rc.d: initscript {job["unit"]}, action "start" failed.'
            )
            present[name]['status'] = 'iF'
            failed.append(name)
    return failed


def _configure_error(names: list[str]) -> str:
    lines = [
        f'dpkg: error processing package {name} (--configure):\n'
        f' installed {name} package post-installation script subprocess returned error exit status 1'
        for name in names
    ]
    listed = ''.join(f'\n {name}' for name in names)
    return '\n'.join(
        [
            *lines,
            f'Errors were encountered while processing:{listed}',
            'E: Sub-process /usr/bin/dpkg returned an error code (1)',
        ]
    )


def take_away(present: dict[str, Any], names: list[str], *, purge: bool) -> None:
    """Stop the services of packages and remove their files."""
    known = packages.archive()
    for name in names:
        package = known.get(name, {})
        services = [units.full_name(service) for service in package.get('services', [])]
        snap_files.systemctl('stop', services)
        snap_files.disable(services)
        core.say(f'Removing {name} ({present[name]["version"]}) ...')
        packages.clear(present, name, package, purge=purge)
    if names and init_client.is_running():
        init_client.ask('daemon-reload')


def _remove(call: Call, *, purge: bool = False) -> int:
    core.say(READING)
    with core.state('dpkg') as kept:
        present = kept.setdefault('packages', {})
        known = packages.archive()
        for name in call.words:
            if name not in known and name not in present:
                raise core.Refused(f'E: Unable to locate package {name}', 100)
            if not packages.is_installed(present, name):
                core.say(f"Package '{name}' is not installed, so not removed")
        plan = packages.Plan()
        plan.remove = packages.needing(known, present, call.words)
        _refuse_held(call, present, plan)
        _announce(plan)
        if call.simulates:
            return 0
        if plan.remove and not call.says_yes:
            _ask(call, plan, [])
        take_away(present, plan.remove, purge=purge)
        for name in call.words if purge else []:
            if present.get(name, {}).get('status') == 'rc':
                packages.clear(present, name, known.get(name, {}), purge=True)
    return 0


def _purge(call: Call) -> int:
    return _remove(call, purge=True)


def _autoremove(call: Call) -> int:
    core.say(READING)
    with core.state('dpkg') as kept:
        present = kept.setdefault('packages', {})
        known = packages.archive()
        needed = {need for name in present for need in known.get(name, {}).get('depends', [])}
        plan = packages.Plan()
        plan.remove = [name for name, each in present.items() if each['auto'] and name not in needed]
        _announce(plan)
        if plan.remove and not call.says_yes:
            _ask(call, plan, [])
        take_away(present, plan.remove, purge='--purge' in call.flags)
    return 0


def _upgrade(call: Call) -> int:
    core.say(READING + '\nCalculating upgrade...')
    with core.state('dpkg') as kept:
        present = kept.setdefault('packages', {})
        offered = packages.available()
        plan = packages.Plan()
        plan.upgrade = [
            name
            for name, each in present.items()
            if name in offered and each['status'] == 'ii' and each['version'] != offered[name]['version']
        ]
        _announce(plan)
        if call.simulates:
            return 0
        _carry_out(offered, present, plan, {})
        failed = _set_up(offered, present, plan.upgrade)
    if failed:
        raise core.Refused(_configure_error(failed), 100)
    return 0


def _nothing(_call: Call) -> int:
    return 0


VERBS: dict[str, Callable[[Call], int]] = {
    'update': _update,
    'install': _install,
    'reinstall': _install,
    'remove': _remove,
    'purge': _purge,
    'autoremove': _autoremove,
    'autopurge': _autoremove,
    'upgrade': _upgrade,
    'dist-upgrade': _upgrade,
    'full-upgrade': _upgrade,
    'clean': _nothing,
    'autoclean': _nothing,
    'check': _nothing,
    'build-dep': _nothing,
}
