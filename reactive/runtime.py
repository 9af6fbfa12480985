"""The container runtime, and whether there is a GPU for it."""

from charmhelpers.core import hookenv
from charms.layer import status
from charms.layer.kubernetes_worker import journal, machine, runtime
from charms.reactive import hook, set_flag, when_not


@hook('install', 'start', 'config-changed', 'upgrade-charm')
def look_for_gpu():
    """Hardware changes with a boot, drivers by hand."""
    machine.look_for_gpu()


@when_not('kubernetes-worker.runtime.installed', 'kubernetes-worker.unit.leaving')
def install_runtime():
    """Install docker; apt failing means a later hook tries again."""
    status.maintenance(f'Installing {runtime.PACKAGE}')
    try:
        runtime.install()
    except runtime.Failed as error:
        hookenv.log(str(error), hookenv.WARNING)
        journal.failures.append(str(error))
        return
    set_flag('kubernetes-worker.runtime.installed')
