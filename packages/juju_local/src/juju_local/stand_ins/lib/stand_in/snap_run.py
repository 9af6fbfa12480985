"""`snap run`: becomes an app of a snap, a daemon with the words of its args file."""

from __future__ import annotations

import os

from . import core, snap_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def run(words: list[str]) -> NoReturn:
    """Replace this process by `NAME` or `NAME.APP` with arguments.

    Raises:
        core.Refused: there is no such app.
    """
    words = [word for index, word in enumerate(words) if index or not word.startswith('--')]
    if not words:
        raise core.Refused('error: need the application to run as argument')
    name, _, app = words[0].partition('.')
    known = snap_files.meta(name)
    if not known:
        raise core.Refused(f'error: cannot find current revision for snap {name}: no such file or directory', 46)
    app = app or name
    if app not in known['apps']:
        raise core.Refused(f'error: cannot find app "{app}" in "{name}"', 46)
    line = [*snap_files.command(known, app), *words[1:]]
    if known['apps'][app].get('daemon'):
        line += arguments(name, known)
    variables = {**os.environ, **snap_files.environment(known), **_environment(name, known['apps'][app])}
    variables['SNAP_USER_DATA'] = f'{variables.get("HOME", "/root")}/snap/{name}/{known["revision"]}'
    try:
        os.execve(line[0], line, variables)  # noqa: S606
    except OSError as error:
        raise core.Refused(f'error: cannot run {words[0]}: {line[0]}: {error.strerror}') from error


def arguments(name: str, known: dict[str, Any]) -> list[str]:
    """Return the words of the args file, if the snap's daemons take them from there."""
    import shlex

    if known.get('configure', 'args' if known.get('options') else '') != 'args':
        return []
    return shlex.split(core.read(f'/var/snap/{name}/current/args'))


def _environment(name: str, app: dict[str, Any]) -> dict[str, str]:
    """Return the app's own variables and those of the file that the daemons of the public snaps read."""
    from . import units

    own = {key: str(value) for key, value in app.get('environment', {}).items()}
    if app.get('daemon'):
        own |= units.environment_file(core.read(f'/var/snap/{name}/common/environment'))
    return own
