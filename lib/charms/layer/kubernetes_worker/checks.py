"""A door: the files of Nagios' checks, written and removed with the relation to nrpe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from charms.layer.kubernetes_common import files, records, services

from . import nagios

RECORD = 'nagios-checks'
SERVER = 'nagios-nrpe-server'
UNIT_FOLDERS = ('/etc/systemd/system', '/lib/systemd/system', '/etc/init.d')


def converge(wanted: Mapping[str, str]) -> None:
    """Make the files what is wanted ({}: none), remove those of ours that are not, and have nrpe read them."""
    ours = records.get(RECORD)
    before = {str(path) for path in ours} if isinstance(ours, list) else set()
    if not wanted and not before:
        return
    records.put(RECORD, sorted(before | set(wanted)))  # first: whatever happens next, these are ours to take away
    for path, text in wanted.items():
        files.write(path, text, mode=0o755 if path == nagios.PLUGIN else 0o644)
    for path in before - set(wanted):
        files.remove(path)
    if _has_server():
        services.converge(SERVER, {path: text for path, text in wanted.items() if path.startswith(nagios.CHECKS)})
    if wanted:
        records.put(RECORD, sorted(wanted))
    else:
        records.drop(RECORD)


def is_exported() -> bool:
    """Tell whether a Nagios server collects definitions of services on this machine."""
    return Path(nagios.EXPORT).is_dir()


def _has_server() -> bool:
    return any(Path(folder, name).exists() for folder in UNIT_FOLDERS for name in (SERVER, f'{SERVER}.service'))
