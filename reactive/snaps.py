"""The Kubernetes snaps: installed at first, upgraded on the operator's word."""

from charmhelpers.core import hookenv
from charms.layer import status
from charms.layer.kubernetes_common import options, snap_access, snaps
from charms.layer.kubernetes_worker import journal, packages
from charms.layer.kubernetes_worker.upgrade import Step
from charms.reactive import clear_flag, hook, is_flag_set, set_flag, when_not


@hook('install', 'upgrade-charm')
def learn_resources():
    """Look at the attached snaps: Juju tells of new ones by upgrade-charm."""
    packages.learn_resources()


@when_not('kubernetes-worker.unit.leaving')
def converge_snaps():
    """Install what is wanted, if it is to be installed now."""
    try:
        step = packages.step(requested=is_flag_set('kubernetes-worker.upgrade.requested'))
    except options.Invalid:
        return  # the status tells
    if step is Step.INSTALL and not snap_access.failures:  # never from elsewhere than the operator wants
        install()
    elif step is Step.NOTHING:
        clear_flag('kubernetes-worker.upgrade.requested')
        set_flag('kubernetes-worker.snaps.installed')


def install():
    """Install the snaps; snapd busy or the store unreachable means a later hook tries again."""
    status.maintenance(f'Installing the Kubernetes snaps from {packages.described()}')
    try:
        packages.install()
    except snaps.Failed as error:
        hookenv.log(str(error), hookenv.WARNING)
        journal.failures.append(str(error))
        return
    clear_flag('kubernetes-worker.upgrade.requested')
    set_flag('kubernetes-worker.snaps.installed')
