"""The door to what Juju knows of this unit and its cluster: addresses, options, leader data. Asked once a hook."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import secrets
import string
import subprocess
from functools import lru_cache

from charmhelpers.core import hookenv, unitdata
from charms import leadership
from charms.layer import options as layer_options
from charms.layer.kubernetes_common import api, files, snap_access

from . import KUBE_CONTROL, PORT, daemons, names, settings, tokens

ALPHABET = string.ascii_letters + string.digits
# hooks in which Juju tells that an address may have changed, or in which nothing is known yet
ADDRESS_HOOKS = ('install', 'start', 'config-changed', 'upgrade-charm')
faults: dict[str, str] = {}  # what went wrong in this hook, by concern; for the status


@lru_cache(maxsize=1)
def options() -> settings.Reading:
    """Return the charm's options, parsed."""
    store = unitdata.kv()
    last_good = store.get('kubernetes-master.options') or {}
    defaults = {
        name: option.get('default')
        for name, option in (layer_options.document('config.yaml').get('options') or {}).items()
    }
    reading = settings.read(hookenv.config(), last_good, defaults)
    if reading.valid != last_good:
        store.set('kubernetes-master.options', reading.valid)
    reading = dataclasses.replace(reading, faults=(*reading.faults, *snap_access.problems()))
    for fault in reading.faults:
        hookenv.log(f'option {fault}: its last good value stays in force', hookenv.WARNING)
    return reading


@lru_cache(maxsize=1)
def addresses() -> tuple[str, str]:
    """Return the address other units reach this one at, and its public one."""
    store = unitdata.kv()
    known = store.get('kubernetes-master.addresses')
    if known and hookenv.hook_name() not in ADDRESS_HOOKS:
        return known[0], known[1]
    found = [_ingress_address(), hookenv.unit_public_ip() or '']
    if found != known:
        store.set('kubernetes-master.addresses', found)
    return found[0], found[1] or found[0]


def service_network() -> names.Network:
    """Return the network of services, fixed when the cluster started; until then the option's."""
    fixed = leadership.leader_get('service_cidr') or unitdata.kv().get('kubernetes-master.service-cidr')
    return ipaddress.ip_network(fixed) if fixed else options().settings.service_cidr


def new_token() -> str:
    """Return 32 random letters and digits."""
    return ''.join(secrets.choice(ALPHABET) for _ in range(32))


def admin_token() -> str:
    """Return the operator's token, '' until there is one."""
    row = tokens.find(files.read(daemons.TOKENS), 'admin')
    return row.token if row else ''


def client(token: str | None = None, timeout_s: float = 5.0) -> api.Client:
    """Return a client of this unit's own API server, by default with the operator's rights."""
    address = addresses()[0]
    host = f'[{address}]' if ':' in address else address
    return api.Client(
        f'https://{host}:{PORT}', files.read(daemons.CA), admin_token() if token is None else token, timeout_s
    )


def digest(*texts: str) -> str:
    """Return a digest of texts, to remember that they were seen without keeping them."""
    return hashlib.sha256('\0'.join(texts).encode()).hexdigest()


def _ingress_address() -> str:
    done = subprocess.run(
        ['network-get', '--ingress-address', KUBE_CONTROL], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or str(hookenv.unit_get('private-address'))
