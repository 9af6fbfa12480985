"""kubelet and kube-proxy: configured and running as the facts ask for."""

from charms.layer.kubernetes_worker import apply
from charms.reactive import clear_flag, when, when_any, when_not


@when(
    'kubernetes-worker.snaps.installed',
    'kubernetes-worker.runtime.installed',
    'kubernetes-worker.cni-plugins.installed',
    'kube-control.connected',
)
@when_not('kubernetes-worker.unit.leaving')
def converge_daemons():
    """Write what changed and restart what reads it."""
    apply.daemons()


@when_any('tls_client.ca.written', 'tls_client.certs.changed')
@when_not('kubernetes-worker.unit.leaving')
def take_new_certificates():
    """The files may have come after `converge_daemons` had run in this hook."""
    clear_flag('tls_client.ca.written')
    clear_flag('tls_client.certs.changed')
    apply.daemons()
