"""Says the unit's status at the end of every hook, from facts collected then."""

from charmhelpers.core import hookenv, unitdata
from charms.layer import status as workload
from charms.layer.hub_registration import unit as hub
from charms.layer.kubernetes_common import api, services, snap_access, snaps
from charms.layer.kubernetes_master import daemons, status, unfinished, unit
from charms.reactive import clear_flag, is_flag_set

UNSERVED = ('aws', 'gcp', 'openstack', 'vsphere', 'azure', 'ceph-storage', 'ceph-client', 'vault-kv')
UNSERVED += ('keystone-credentials',)
RELATED = 'kubernetes-master.unserved'  # which of them are related
# what a hook has seen to; the next one looks again
ONE_HOOK = ('keys', 'control-plane', 'addons', 'dns')


def say_status():
    """Collect the facts, and let one function decide."""
    if is_flag_set('kubernetes-master.unit.stopped'):
        workload.maintenance('Stopped')
        return
    state, message = status.status(_facts())
    getattr(workload, state)(message)


def _facts():
    started = is_flag_set('kubernetes-master.port.opened')
    fault = unit.faults.get
    reading = unit.options()
    return status.Facts(
        leader=is_flag_set('leadership.is_leader'),
        option_fault=next(map(str, reading.faults), '') or fault('addons', '') or hub.fault(),
        refused=fault('refused', ''),
        snap_fault=fault('snaps', '') or next(iter(snap_access.failures), ''),
        snaps_installed=is_flag_set('kubernetes-master.snaps.installed'),
        upgrade_needed=is_flag_set('kubernetes-master.upgrade.needed'),
        certificates=is_flag_set('certificates.available'),
        certificates_saved=is_flag_set('tls_client.certs.saved') and is_flag_set('tls_client.ca.saved'),
        etcd=is_flag_set('etcd.connected'),
        etcd_ready=is_flag_set('kubernetes-master.etcd.saved'),
        keys=is_flag_set('kubernetes-master.keys.current'),
        started=started,
        stopped=tuple(services.inactive(map(snaps.daemon, daemons.NAMES))) if started else (),
        api_fault=fault('api', ''),
        cni=is_flag_set('cni.connected'),
        cni_available=is_flag_set('cni.available'),
        endpoint=is_flag_set('kube-api-endpoint.available'),
        workers=is_flag_set('kube-control.connected'),
        addons_applied=is_flag_set('kubernetes-master.addons.current'),
        dns_known=is_flag_set('kubernetes-master.dns.current'),
        pending_pods=_pending_pods() if is_flag_set('kubernetes-master.control-plane.current') else 0,
        cidr_kept=_kept_cidr(),
        hub=hub.line(is_leader=is_flag_set('leadership.is_leader')),
        unsupported=_unserved(),
    )


def _pending_pods():
    """Return how many pods of the system are not running; only the leader, which deploys them, looks."""
    if not is_flag_set('leadership.is_leader'):
        return 0
    try:
        pods = unit.client().list('pods', namespace='kube-system')
    except api.Error as error:
        hookenv.log(f'pods of kube-system cannot be listed: {error}', hookenv.WARNING)
        return 0
    states = [pod.get('status') or {} for pod in pods]
    return sum(
        state.get('phase') not in ('Running', 'Succeeded') and state.get('reason') != 'Evicted' for state in states
    )


def _kept_cidr():
    fixed = unitdata.kv().get('kubernetes-master.service-cidr')
    return str(fixed) if fixed and fixed != str(unit.options().settings.service_cidr) else ''


def _unserved():
    """Return the options and related endpoints that nothing here serves; their own hooks tell which are related."""
    related = set(unitdata.kv().get(RELATED) or [])
    endpoint, _, event = hookenv.hook_name().rpartition('-relation-')
    if endpoint in UNSERVED:
        now = related - {endpoint} if event == 'broken' else related | {endpoint}
        unitdata.kv().set(RELATED, sorted(now))
        related = now
    ignored = [f'option {name}' for name in unfinished.OPTIONS if not is_flag_set(f'config.default.{name}')]
    return (*sorted(related), *ignored)


def forget():
    """Clear what lasts one hook."""
    for name in ONE_HOOK:
        clear_flag(f'kubernetes-master.{name}.current')


# last in, first out: the status is said before what it is said of is forgotten
hookenv.atexit(forget)
hookenv.atexit(say_status)
