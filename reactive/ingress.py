"""The ingress controller, and the ports it is reached by."""

from charmhelpers.core import hookenv
from charms.layer.kubernetes_worker import cluster_ingress
from charms.reactive import hook, set_flag, when, when_not


@hook('upgrade-charm')
def look_at_ports_again():
    """Earlier revisions of the charm left them open, or closed, by the outcome of one attempt."""
    set_flag(cluster_ingress.DOUBTFUL)


@when('kubernetes-worker.daemons.started')
@when_not('kubernetes-worker.unit.leaving')
def converge_ingress():
    """Make or remove the objects; the server's version is asked for now and then, since nobody tells of it."""
    cluster_ingress.converge(look_again=hookenv.hook_name() in ('update-status', 'upgrade-charm'))
    cluster_ingress.converge_ports()
