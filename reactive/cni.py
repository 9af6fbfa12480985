"""CNI: the plugins that come as a resource, and the network subordinate."""

from charmhelpers.core import hookenv
from charms.layer.kubernetes_worker import cni_plugins, journal, machine, paths
from charms.reactive import clear_flag, endpoint_from_flag, hook, set_flag, when, when_not


@hook('upgrade-charm')
def look_at_resource_again():
    """Juju tells of a new resource by upgrade-charm."""
    clear_flag('kubernetes-worker.cni-plugins.installed')


@when_not('kubernetes-worker.cni-plugins.installed', 'kubernetes-worker.unit.leaving')
def install_plugins():
    """Unpack the plugins; what is wrong with the resource goes into the status."""
    name = f'cni-{machine.architecture()}'
    archive = hookenv.resource_get(name)
    attach = f'attach a good one with: juju attach-resource {hookenv.application_name()} {name}=FILE'
    if not archive:
        journal.resource.append(f'Resource {name} is missing; {attach}')
        return
    try:
        cni_plugins.unpack(archive)
    except cni_plugins.Unusable as error:
        journal.resource.append(f'Resource {name} {error}; {attach}')
        return
    set_flag('kubernetes-worker.cni-plugins.installed')


@when('cni.connected')
def tell_subordinate():
    """Tell the network that this is a worker: it answers only then."""
    endpoint_from_flag('cni.connected').set_config(is_master=False, kubeconfig_path=paths.KUBELET_KUBECONFIG)
