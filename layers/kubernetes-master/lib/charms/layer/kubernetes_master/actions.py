"""The actions of the charm. Each returns its results; `Refused` fails it with a reason."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from charmhelpers.core import hookenv, unitdata
from charms.layer.kubernetes_common import api, files, services, snaps
from charms.layer.kubernetes_common import debug as _debug
from charms.reactive import flags

from . import daemons, unit

Results = dict[str, str]
Parameters = Mapping[str, Any]
PROTECTED = ('default', 'kube-system')


class Refused(Exception):
    """The action cannot be done; the text says why and what to do."""


def restart(_: Parameters) -> Results:
    """Restart the daemons with what they run with."""
    for name in daemons.NAMES:
        done = subprocess.run(['systemctl', 'restart', snaps.daemon(name)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refused(f'restarting {name} failed: {done.stderr.strip()[:300]}')
    stopped = services.inactive([snaps.daemon(name) for name in daemons.NAMES])
    if stopped:
        raise Refused(f'not running after the restart: {", ".join(stopped)}; see journalctl -u {stopped[0]}')
    return {f'{name.removeprefix("kube-")}.status': 'restarted' for name in daemons.NAMES}


def upgrade(_: Parameters) -> Results:
    """Bring the snaps to the configured channel, in a run of the handlers."""
    flags.set_flag('kubernetes-master.upgrade.requested')
    unitdata.kv().flush()
    environment = {**os.environ, 'JUJU_HOOK_NAME': 'config-changed', 'JUJU_DISPATCH_PATH': 'hooks/config-changed'}
    done = subprocess.run(['hooks/config-changed'], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f'the upgrade ended with {done.returncode}: {done.stderr.strip()[-300:]}')
    return {'version': '.'.join(map(str, snaps.version(daemons.APISERVER)))}


def namespace_list(_: Parameters) -> Results:
    """Return the names of all namespaces."""
    names = [namespace['metadata']['name'] for namespace in unit.client().list('namespaces')]
    return {'namespaces': ', '.join(sorted(names)) + '.'}


def namespace_create(parameters: Parameters) -> Results:
    """Create a namespace."""
    name = parameters['name']
    body = {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': name, 'labels': {'name': name}}}
    try:
        unit.client().create('namespaces', body)
    except api.Conflict as error:
        raise Refused(f'namespace {name} exists already') from error
    return {'msg': f'Namespace {name} created.', **namespace_list(parameters)}


def namespace_delete(parameters: Parameters) -> Results:
    """Delete a namespace."""
    name = parameters['name']
    if name in PROTECTED:
        raise Refused(f'namespace {name} belongs to the cluster and is not deleted')
    try:
        unit.client().delete('namespaces', name)
    except api.NotFound as error:
        raise Refused(f'there is no namespace {name}') from error
    return {'msg': f'Namespace {name} deleted.'}


def get_kubeconfig(_: Parameters) -> Results:
    """Return the operator's kubeconfig as JSON."""
    import yaml

    text = files.read('/home/ubuntu/config')
    if not text:
        raise Refused('there is no kubeconfig yet: wait until the unit is active')
    return {'kubeconfig': json.dumps(yaml.safe_load(text))}


def apply_manifest(parameters: Parameters) -> Results:
    """Apply objects with kubectl, which merges as an operator's own kubectl would."""
    try:
        json.loads(parameters['json'])
    except ValueError as error:
        raise Refused(f'json: this is not JSON: {error}') from error
    command = ['/snap/bin/kubectl', '--kubeconfig', '/root/.kube/config', 'apply', '-f', '-']
    done = subprocess.run(command, input=parameters['json'], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f'kubectl apply ended with {done.returncode}: {done.stderr.strip()[-300:]}')
    return {'summary': 'Manifest applied.', 'output': done.stdout}


def create_rbd_pv(_: Parameters) -> Results:
    """Refuse: from Kubernetes 1.10 on the cluster makes volumes itself, and Ceph is not served yet."""
    if snaps.version(daemons.APISERVER)[:2] >= (1, 10):
        raise Refused('deprecated: create a PersistentVolumeClaim, the cluster makes the volume')
    raise Refused('this charm does not serve Ceph yet')


def debug(_: Parameters) -> Results:
    """Pack what helps to find a fault, and no secret, into an archive."""
    path = _debug.archive(_debug.commands([snaps.daemon(name) for name in daemons.NAMES]))
    return {'path': str(path), 'command': f'juju scp {hookenv.local_unit()}:{path} .', 'message': 'Archive is ready.'}


ACTIONS: dict[str, Callable[[Parameters], Results]] = {
    'restart': restart,
    'upgrade': upgrade,
    'debug': debug,
    'namespace-list': namespace_list,
    'namespace-create': namespace_create,
    'namespace-delete': namespace_delete,
    'create-rbd-pv': create_rbd_pv,
    'get-kubeconfig': get_kubeconfig,
    'apply-manifest': apply_manifest,
}


def main() -> None:
    """Run the action Juju asked for."""
    name = os.environ.get('JUJU_ACTION_NAME') or hookenv.action_name()
    try:
        results = ACTIONS[name](hookenv.action_get() or {})
    except (Refused, api.Error, snaps.Failed) as error:
        hookenv.action_fail(str(error))
    else:
        hookenv.action_set(results)
