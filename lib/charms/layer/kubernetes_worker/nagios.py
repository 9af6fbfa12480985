"""What Nagios is to watch on this unit: the files that nrpe and the Nagios server read. Decides only.

Places and formats are those of the public charms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from charms.layer.kubernetes_common import options
from charms.layer.kubernetes_common.options import Invalid

CHECKS = '/etc/nagios/nrpe.d'
EXPORT = '/var/lib/nagios/export'
PLUGIN = '/usr/local/lib/nagios/plugins/check_systemd.py'
PROGRAM = """#!/usr/bin/python3
# Written by the kubernetes-worker charm: tells Nagios whether a systemd unit runs.
import subprocess
import sys

unit = sys.argv[1]
state = subprocess.run(['systemctl', 'is-active', unit], stdout=subprocess.PIPE).stdout.decode().strip()
print('%s: %s is %s' % ('OK' if state == 'active' else 'CRITICAL', unit, state or 'unknown'))
sys.exit(0 if state == 'active' else 2)
"""
HEADER = '# Written by the kubernetes-worker charm: changes are lost.\n'
WORD = re.compile('[A-Za-z0-9][A-Za-z0-9._-]*')  # what Nagios takes in names of objects, and a little less


def context(config: options.Config, name: str = 'nagios_context') -> str:
    """Return the word that stands in front of this unit's name in Nagios."""
    text = options.text(config, name)
    if not WORD.fullmatch(text):
        raise Invalid(name, f'expected a word of letters, digits, ".", "_" and "-", got {text[:40]!r}')
    return text


def servicegroups(config: options.Config, name: str = 'nagios_servicegroups') -> str:
    """Return the service groups as a comma-separated list, '' if none are given."""
    words = [word.strip() for word in options.text(config, name).split(',')]
    if words == ['']:
        return ''
    for word in words:
        if not WORD.fullmatch(word):
            raise Invalid(
                name, f'expected comma-separated words of letters, digits, ".", "_" and "-", got {word[:40]!r}'
            )
    return ','.join(words)


def hostname(told: str, context: str, unit: str) -> str:
    """Return this unit's name in Nagios: what nrpe told, else the context and the unit's name."""
    return told or f'{context}-{unit.replace("/", "-")}'


def files(units: Sequence[str], host: str, groups: str, *, export: bool) -> Mapping[str, str]:
    """Return the text of each file by its path.

    Args:
        units: systemd units to watch.
        host: name of this unit in Nagios.
        groups: service groups of the checks.
        export: whether there is a place where the Nagios server collects definitions.
    """
    found = {PLUGIN: PROGRAM}
    for unit in units:
        found[f'{CHECKS}/check_{unit}.cfg'] = f'{HEADER}command[check_{unit}]={PLUGIN} {unit}\n'
        if export:
            found[f'{EXPORT}/service__{host}_check_{unit}.cfg'] = HEADER + _service(unit, host, groups)
    return found


def _service(unit: str, host: str, groups: str) -> str:
    return f"""define service {{
    use                             active-service
    host_name                       {host}
    service_description             {host}[{unit}] {unit} runs
    check_command                   check_nrpe!check_{unit}
    servicegroups                   {groups}
}}
"""
