"""What this unit tells the control plane."""

from charms.layer.kubernetes_worker import credentials, inputs, runtime
from charms.reactive import endpoint_from_flag, when, when_not


@when('kube-control.connected')
@when_not('kubernetes-worker.unit.leaving')
def introduce_unit():
    """Ask for the node's credentials and tell about the GPU; telling the same again changes nothing."""
    control = endpoint_from_flag('kube-control.connected')
    control.set_auth_request(credentials.user(inputs.node_name()), group=credentials.GROUP)
    control.set_gpu(runtime.has_gpu())
