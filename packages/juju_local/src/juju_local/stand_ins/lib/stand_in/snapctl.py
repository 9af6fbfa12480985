"""snapctl: what a snap's configure program asks of snapd while it runs."""

from __future__ import annotations

import json
import os

from . import core, snap_config


def main(_program: str, arguments: list[str]) -> int:
    """Answer `snapctl get KEY...`; other verbs do nothing here."""
    name = os.environ.get('SNAP_NAME')
    if not name:
        raise core.Refused('error: cannot use snapctl: not in a snap')
    words = [word for word in arguments[1:] if not word.startswith('-')]
    if not arguments or arguments[0] != 'get':
        return 0
    # a configure program sees what is being set; snaps without one have what was set
    stored = core.peek('snap').get('config', {}).get(name, {})
    config = core.read_json(f'/var/snap/{name}/current/.configuration.json', stored)
    found = {key: snap_config.value_of(config, key) for key in words}
    if '-d' in arguments:
        core.say(json.dumps({key: value for key, value in found.items() if value is not None}, indent='\t'))
    for value in [] if '-d' in arguments else found.values():
        core.say('' if value is None else value if isinstance(value, str) else json.dumps(value))
    return 0
