"""Graphics cards: looked for when they may have changed, and told when they did."""

from charms.layer.kubernetes_worker import apply, machine, runtime
from charms.reactive import clear_flag, endpoint_from_flag, hook, is_flag_set, set_flag, when, when_not


@hook('install', 'start', 'config-changed', 'upgrade-charm')
def look_for_nvidia():
    """Hardware changes with a boot, drivers by hand."""
    machine.look_for_nvidia()


@when('kubernetes-worker.runtime.installed')
@when_not('kubernetes-worker.unit.leaving')
def watch_driver():
    """Ask a driver again that has not answered: it may have come with the runtime, or after a boot."""
    if runtime.source() == 'nvidia' and not machine.has_nvidia_driver():
        machine.look_for_nvidia()
    if runtime.has_gpu() != is_flag_set('kubernetes-worker.gpu.told'):
        set_flag('kubernetes-worker.gpu.changed')


@when('kubernetes-worker.gpu.changed', 'kube-control.connected')
@when_not('kubernetes-worker.unit.leaving')
def tell_of_gpu():
    """Tell control plane, kubelet and node, which other handlers of this hook may have told the former state."""
    (set_flag if runtime.has_gpu() else clear_flag)('kubernetes-worker.gpu.told')
    clear_flag('kubernetes-worker.gpu.changed')
    endpoint_from_flag('kube-control.connected').set_gpu(runtime.has_gpu())
    apply.daemons()
    if is_flag_set('kubernetes-worker.daemons.started'):
        apply.labels()
