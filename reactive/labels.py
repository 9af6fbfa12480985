"""Labels of the node."""

from charms.layer.kubernetes_worker import apply
from charms.reactive import when, when_not


@when('kubernetes-worker.daemons.started', 'kube-control.connected')
@when_not('kubernetes-worker.unit.leaving')
def converge_labels():
    """Set what is wanted and take away what the charm set before."""
    apply.labels()
