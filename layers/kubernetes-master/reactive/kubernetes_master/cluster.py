"""What the cluster itself runs and tells: addons, DNS, the cluster tag, the registry."""

import json
import os
import secrets
import string
import subprocess

from charmhelpers.core import hookenv
from charms import leadership
from charms.layer.kubernetes_common import api, records, snaps
from charms.layer.kubernetes_master import addons, daemons, unit
from charms.reactive import endpoint_from_flag, is_flag_set, set_flag, when, when_not

APPLY = ['/snap/bin/cdk-addons.apply']
TIMEOUT_S = 300


@when('leadership.is_leader')
@when_not('leadership.set.cluster_tag')
def choose_tag():
    """Name the cluster, once and for all its life."""
    alphabet = string.ascii_lowercase + string.digits
    tag = 'kubernetes-' + ''.join(secrets.choice(alphabet) for _ in range(32))
    leadership.leader_set({'cluster_tag': tag})


@when('kube-control.connected', 'leadership.set.cluster_tag')
def tell_names():
    """Every master tells the same tag and registry, on every relation."""
    endpoint = endpoint_from_flag('kube-control.connected')
    endpoint.set_cluster_tag(leadership.leader_get('cluster_tag'))
    endpoint.set_registry_location(unit.options().settings.image_registry)


@when('kubernetes-master.control-plane.current', 'leadership.is_leader')
def deploy_addons():
    """Have the snap cdk-addons deploy what the options ask for, when they or its revision changed."""
    settings, version = unit.options().settings, snaps.version(daemons.APISERVER)
    unit.faults['addons'] = addons.fault(settings, version)
    gpu = is_flag_set('kube-control.gpu.available')
    wanted = addons.arguments(settings, version, unit.service_network(), _arch(), gpu)
    source = [unit.digest(json.dumps(wanted, sort_keys=True)), snaps.revision('cdk-addons')]
    if records.get('addons-applied') == source or unit.faults['addons']:
        set_flag('kubernetes-master.addons.current')
        return
    try:
        snaps.arguments('cdk-addons', wanted)
        done = subprocess.run(APPLY, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired, snaps.Failed) as error:
        hookenv.log(f'deploying addons failed, a later hook tries again: {error}', hookenv.WARNING)
        return
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-400:]
        hookenv.log(f'deploying addons ended with {done.returncode}, a later hook tries again: {said}', hookenv.WARNING)
        return
    records.put('addons-applied', source)
    set_flag('kubernetes-master.addons.current')


@when('kubernetes-master.control-plane.current', 'kube-control.connected')
def tell_dns():
    """Every master tells where cluster DNS is, as its own API server has it; or that there is none."""
    endpoint = endpoint_from_flag('kube-control.connected')
    settings = unit.options().settings
    if not settings.dns_enabled:
        endpoint.set_dns(53, settings.dns_domain, None, False)
        set_flag('kubernetes-master.dns.current')
        return
    try:
        service = unit.client().get('services', 'kube-dns', namespace='kube-system')
    except api.Error as error:
        if isinstance(error, api.NotFound):
            records.drop('addons-applied')  # somebody took it away: the leader deploys it again
        else:
            hookenv.log(f'the address of cluster DNS is not known: {error}', hookenv.WARNING)
        return
    endpoint.set_dns(53, settings.dns_domain, service['spec']['clusterIP'], True)
    set_flag('kubernetes-master.dns.current')


def _arch():
    machine = os.uname().machine
    return {'x86_64': 'amd64', 'aarch64': 'arm64', 'ppc64le': 'ppc64el'}.get(machine, machine)
