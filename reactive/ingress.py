"""The ingress controller, and the ports it is reached by."""

from charmhelpers.core import hookenv
from charms.layer.kubernetes_worker import cluster_ingress
from charms.reactive import hook, set_flag, when, when_not


@hook('upgrade-charm')
def look_at_ports_again():
    """Earlier revisions of the charm left them open, or closed, by the outcome of one attempt."""
    set_flag(cluster_ingress.DOUBTFUL)


@hook('kube-control-relation-broken')
def forget_cluster(*_):  # charms.reactive hands over the endpoint
    """The control plane removes what no unit is left to look after: it is to be made anew in the next cluster."""
    cluster_ingress.forget()


@when('kubernetes-worker.daemons.started')
@when_not('kubernetes-worker.unit.leaving')
def converge_ingress():
    """Make or remove the objects; the leader asks for the server's version now and then, since nobody tells of it."""
    now_and_then = hookenv.hook_name() in ('update-status', 'upgrade-charm')
    cluster_ingress.converge(look_again=now_and_then and hookenv.is_leader())
    cluster_ingress.converge_ports()
