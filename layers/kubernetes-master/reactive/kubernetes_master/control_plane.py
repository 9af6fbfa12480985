"""The daemons: configured through their snaps, and started anew only when what they read has changed.

`kubernetes-master.control-plane.current` is set in each hook once they run with what is wanted.
"""

import json
import time

import yaml
from charmhelpers.core import hookenv, unitdata
from charms import leadership
from charms.layer.kubernetes_common import api, files, kubeconfig, services, snaps
from charms.layer.kubernetes_master import PORT, daemons, tokens, unit
from charms.reactive import is_flag_set, set_flag, when

NEEDED = (
    'kubernetes-master.snaps.installed',
    'tls_client.certs.saved',
    'tls_client.ca.saved',
    'kubernetes-master.etcd.saved',
    'kubernetes-master.keys.current',
    'leadership.set.auto_storage_backend',
)
READY_S = 30.0  # how long a fresh API server may take before it answers; then a later hook looks again
PAUSE_S = 0.2


@when(*NEEDED)
def run_control_plane():
    """Configure and start the three daemons."""
    facts, settings = _facts(), unit.options().settings
    _fix_service_cidr(facts.service_cidr)
    try:
        restarted = _run_apiserver(facts, settings)
        _run_clients(facts, settings)
    except snaps.Failed as error:
        unit.faults['api'] = str(error)
        hookenv.log(str(error), hookenv.ERROR)
        return
    if not services.was_started(snaps.daemon(daemons.APISERVER)) or not _answers(restarted):
        return
    if not is_flag_set('kubernetes-master.port.opened'):
        hookenv.open_port(PORT)
        set_flag('kubernetes-master.port.opened')
    set_flag('kubernetes-master.control-plane.current')


def _facts():
    etcd = unitdata.kv().get('kubernetes-master.etcd')
    return daemons.Facts(
        version=snaps.version(daemons.APISERVER),
        service_cidr=str(unit.service_network()),
        address=unit.addresses()[0],
        etcd=etcd['servers'],
        storage_backend=leadership.leader_get('auto_storage_backend'),
        gpu=is_flag_set('kube-control.gpu.available'),
    )


def _fix_service_cidr(network):
    """The network of services cannot change once the first API server has handed out addresses."""
    if is_flag_set('leadership.is_leader'):
        leadership.leader_set({'service_cidr': network})
    if unitdata.kv().get('kubernetes-master.service-cidr') != network:
        unitdata.kv().set('kubernetes-master.service-cidr', network)


def _run_apiserver(facts, settings):
    """Return whether the API server was started anew."""
    audit = {
        daemons.AUDIT_POLICY: daemons.audit_policy(settings, facts.version),
        daemons.AUDIT_WEBHOOK: settings.audit_webhook_config,
    }
    for path, document in audit.items():
        if document:
            files.write(path, yaml.safe_dump(document, sort_keys=False))
        else:
            files.remove(path)
    for path, served in daemons.SERVED.items():
        files.write(served, tokens.served(files.read(path)))
    reads = [*daemons.SERVER, *daemons.CLIENT, daemons.CA, *daemons.ETCD.values(), daemons.ACCOUNTS_KEY]
    reads += [*daemons.SERVED.values(), *audit]
    return _run(daemons.APISERVER, daemons.apiserver(facts, settings), reads)


def _run_clients(facts, settings):
    """Start what talks to the API server: always this unit's own."""
    ca, text = files.read(daemons.CA), files.read(daemons.TOKENS)
    for name, arguments in (
        (daemons.CONTROLLER_MANAGER, daemons.controller_manager(facts, settings)),
        (daemons.SCHEDULER, daemons.scheduler(facts, settings)),
    ):
        path = daemons.KUBECONFIGS[name]
        token = tokens.find(text, name).token
        files.write(path, kubeconfig.render(unit.client('').server, ca, f'system:{name}', token))
        reads = [path] + ([daemons.CA, daemons.ACCOUNTS_KEY, *daemons.SERVER] if 'manager' in name else [])
        _run(name, arguments, reads)


def _run(name, arguments, reads):
    services.restart_always(snaps.daemon(name))
    snaps.arguments(name, arguments)
    inputs = {'arguments': json.dumps(arguments, sort_keys=True), 'revision': snaps.revision(name)}
    inputs |= {path: unit.digest(files.read(path)) for path in reads}
    started = services.converge(snaps.daemon(name), inputs)
    if started:
        hookenv.log(f'(re)started {name}')
    return started


def _answers(fresh):
    """Tell whether the API server answers; one that has just been started is given time."""
    deadline = time.monotonic() + (READY_S if fresh else 0)
    while True:
        try:
            unit.client().version()
        except api.Error as error:
            if time.monotonic() > deadline:
                unit.faults['api'] = f'it does not answer yet ({type(error).__name__})'
                hookenv.log(str(error), hookenv.WARNING)
                return False
            time.sleep(PAUSE_S)
        else:
            return True
