"""nrpe: the principal's name in Nagios. The wire is that of the public charm."""

from __future__ import annotations

import os
from pathlib import Path

import hooktools


def main(root: Path = Path('/')) -> None:
    if hooktools.hook() == 'stop':
        return
    context = str(hooktools.config()['nagios_host_context'])
    (root / 'etc/nagios/nrpe.d').mkdir(parents=True, exist_ok=True)
    for relation in hooktools.relation_ids('nrpe-external-master'):
        name = f'{context}-{_principal(relation)}'.replace('/', '-')
        hooktools.relation_set(relation, {'nagios_hostname': name, 'nagios_host_context': context})
    hooktools.status('active', 'Ready')


def _principal(relation: str) -> str:
    """Return the unit this one is on; Juju tells it, and the container-scoped relation has no other."""
    return os.environ.get('JUJU_PRINCIPAL_UNIT') or next(iter(hooktools.relation_units(relation)), hooktools.unit())
