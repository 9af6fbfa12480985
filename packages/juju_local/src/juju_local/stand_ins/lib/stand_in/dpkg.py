"""dpkg and dpkg-query: what is installed, in the forms that scripts parse; and installing a file.

A package file is a file whose first line is `#stand-in-deb NAME VERSION`.
"""

from __future__ import annotations

import fnmatch
import os
import re

from . import core, deb_version, packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STATUS = {
    'ii': 'install ok installed',
    'hi': 'hold ok installed',
    'rc': 'deinstall ok config-files',
    'iF': 'install ok half-configured',
}
MAGIC = '#stand-in-deb '
LIST_HEAD = """Desired=Unknown/Install/Remove/Purge/Hold
| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend
|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)"""


def main(_program: str, arguments: list[str]) -> int:
    """Run one action; the options that stand before it are read past."""
    for index, word in enumerate(arguments):
        verb, equals, value = word.partition('=')
        if verb in ACTIONS:
            return ACTIONS[verb]([value] * bool(equals) + arguments[index + 1 :])
        if word.startswith(('-W', '-f')) or verb in ('--showformat',):
            return _show(arguments)
    raise core.Refused('dpkg: error: need an action option', 2)


def read_deb(path: str) -> tuple[str, str]:
    """Return (name, version) of a package file.

    Raises:
        core.Refused: it is none.
    """
    try:
        with open(path, 'rb') as file:
            words = file.readline(200).decode('utf-8', 'replace').removeprefix(MAGIC).split()
    except OSError as error:
        raise core.Refused(f"dpkg: error: cannot access archive '{path}': {error.strerror}", 2) from error
    if len(words) != 2:
        raise core.Refused(f"dpkg-deb: error: '{path}' is not a Debian format archive", 2)
    return words[0], words[1]


def _install(arguments: list[str]) -> int:
    from . import apt

    for path in [word for word in arguments if not word.startswith('-')]:
        name, version = read_deb(path)
        with core.state('dpkg') as kept:
            present = kept.setdefault('packages', {})
            package = packages.archive().get(name, {}) | {'version': version}
            rivals = [rival for rival in package.get('conflicts', []) if packages.is_installed(present, rival)]
            if rivals:
                raise core.Refused(f'dpkg: regarding {path} containing {name}:\n {name} conflicts with {rivals[0]}')
            packages.unpack(present, name, package)
            failed = apt._set_up({name: package}, present, [name])
        if failed:
            return 1
    return 0


def _configure(_arguments: list[str]) -> int:
    from . import apt

    with core.state('dpkg') as kept:
        present = kept.setdefault('packages', {})
        half = [name for name, each in present.items() if each['status'] == 'iF']
        for name in half:
            present[name]['status'] = 'ii'
        failed = apt._set_up(packages.archive(), present, half)
    return 1 if failed else 0


def _purge(arguments: list[str]) -> int:
    from . import apt

    with core.state('dpkg') as kept:
        present = kept.setdefault('packages', {})
        names = [word for word in arguments if not word.startswith('-')]
        for name in set(names) - set(present):
            core.complain(f"dpkg: warning: ignoring request to remove {name} which isn't installed")
        apt.take_away(present, [name for name in names if name in present], purge=True)
    return 0


def _list(arguments: list[str]) -> int:
    patterns = [word for word in arguments if not word.startswith('-')]
    present = packages.installed()
    rows, missing = _matches(present, patterns)
    if rows:
        _table(present, rows)
    for pattern in missing:
        core.complain(f'dpkg-query: no packages found matching {pattern}')
    return 1 if missing else 0


def _matches(present: dict[str, Any], patterns: list[str]) -> tuple[list[str], list[str]]:
    """Return the names that match, and the patterns that match nothing."""
    names = [
        name for name in sorted(present) if not patterns or any(fnmatch.fnmatchcase(name, each) for each in patterns)
    ]
    return names, [each for each in patterns if not fnmatch.filter(present, each)]


def _table(present: dict[str, Any], names: list[str]) -> None:
    columns = [
        [name, present[name]['version'], present[name]['architecture'], present[name]['description']] for name in names
    ]
    heads = ['Name', 'Version', 'Architecture', 'Description']
    widths = [max([14, 12, 12, 11][index], *(len(row[index]) for row in columns)) for index in range(4)]
    core.say(LIST_HEAD)
    core.say('||/ ' + ' '.join(head.ljust(width) for head, width in zip(heads, widths, strict=True)).rstrip())
    core.say('+++-' + '-'.join('=' * width for width in widths))
    for row, name in zip(columns, names, strict=True):
        status = present[name]['status']
        core.say(f'{status}  ' + ' '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _status(arguments: list[str]) -> int:
    present = packages.installed()
    missing = [name for name in arguments if name not in present]
    for name in arguments:
        if name in present:
            package = present[name]
            core.say(f'Package: {name}\nStatus: {STATUS[package["status"]]}\nPriority: optional\nSection: admin')
            core.say(
                f'Architecture: {package["architecture"]}\nVersion: {package["version"]}\n'
                f'Description: {package["description"]}\n'
            )
    for name in missing:
        core.complain(f"dpkg-query: package '{name}' is not installed and no information is available")
        core.complain('Use dpkg --info (= dpkg-deb --info) to examine archive files.')
    return 1 if missing else 0


def _show(arguments: list[str]) -> int:
    """`-W`, with `-f`/`--showformat` in any of its spellings."""
    form, patterns, todo = '${binary:Package}\\t${Version}\\n', [], list(arguments)
    while todo:
        word = todo.pop(0)
        if word in ('-f', '--showformat'):
            form = todo.pop(0) if todo else ''
        elif word.startswith(('-f', '--showformat=')):
            form = word.removeprefix('--showformat').removeprefix('-f').removeprefix('=')
        elif not word.startswith('-'):
            patterns.append(word)
    present = packages.installed()
    names, missing = _matches(present, patterns)
    for name in names:
        sys_write(_formatted(form, name, present[name]))
    for pattern in missing:
        core.complain(f'dpkg-query: no packages found matching {pattern}')
    return 1 if missing else 0


def sys_write(text: str) -> None:
    import sys

    sys.stdout.write(text)


def _formatted(form: str, name: str, package: dict[str, Any]) -> str:
    fields = {
        'Package': name,
        'binary:Package': name,
        'Version': package['version'],
        'Architecture': package['architecture'],
        'Status': STATUS[package['status']],
        'db:Status-Abbrev': f'{package["status"]} ',
        'db:Status-Status': STATUS[package['status']].rpartition(' ')[2],
        'Description': package['description'],
        'binary:Summary': package['description'],
    }
    form = form.replace('\\n', '\n').replace('\\t', '\t')
    return re.sub(r'\$\{([^};]+)(?:;-?\d+)?\}', lambda match: fields.get(match.group(1), ''), form)


def _files(arguments: list[str]) -> int:
    present, known, code = packages.installed(), packages.archive(), 0
    for name in arguments:
        if name in present:
            core.say('\n'.join(['/.', *packages.files(known.get(name, {}))]))
        else:
            core.complain(f"dpkg-query: package '{name}' is not installed")
            code = 1
    return code


def _search(arguments: list[str]) -> int:
    known, code = packages.archive(), 0
    for path in arguments:
        owners = [name for name in packages.installed() if path in packages.files(known.get(name, {}))]
        if owners:
            core.say(f'{owners[0]}: {path}')
        else:
            core.complain(f'dpkg-query: no path found matching pattern {path}')
            code = 1
    return code


def _selections(arguments: list[str]) -> int:
    words = {'ii': 'install', 'hi': 'hold', 'rc': 'deinstall', 'iF': 'install'}
    for name, package in sorted(packages.installed().items()):
        if not arguments or name in arguments:
            tabs = '\t' * max(1, 6 - len(name) // 8)
            core.say(f'{name}{tabs}{words[package["status"]]}')
    return 0


def _compare(arguments: list[str]) -> int:
    left, operator, right = arguments
    if operator not in deb_version.OPERATORS:
        raise core.Refused('dpkg: error: --compare-versions bad relation', 2)
    return 0 if deb_version.compare(left, right) in deb_version.OPERATORS[operator] else 1


def _architecture(_arguments: list[str]) -> int:
    machine = os.uname().machine
    core.say({'x86_64': 'amd64', 'aarch64': 'arm64', 'ppc64le': 'ppc64el'}.get(machine, machine))
    return 0


def _nothing(_arguments: list[str]) -> int:
    return 0


ACTIONS = {
    '-l': _list,
    '--list': _list,
    '-s': _status,
    '--status': _status,
    '-W': _show,
    '--show': _show,
    '-L': _files,
    '--listfiles': _files,
    '-S': _search,
    '--search': _search,
    '-i': _install,
    '--install': _install,
    '-r': _purge,
    '--remove': _purge,
    '-P': _purge,
    '--purge': _purge,
    '--configure': _configure,
    '--get-selections': _selections,
    '--compare-versions': _compare,
    '--print-architecture': _architecture,
    '--print-foreign-architectures': _nothing,
    '--add-architecture': _nothing,
    '--audit': _nothing,
}
