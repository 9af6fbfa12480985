"""Checks for Nagios, while nrpe is related."""

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import options, snaps
from charms.layer.kubernetes_worker import checks, leave, nagios
from charms.reactive import endpoint_from_flag, when, when_not


@when('nrpe-external-master.available')
@when_not('kubernetes-worker.unit.leaving')
def converge_checks():
    """Have nrpe check that both daemons run."""
    config = hookenv.config()
    try:
        context, groups = nagios.context(config), nagios.servicegroups(config)
    except options.Invalid:
        return  # the status tells; the checks stay as they are
    nrpe = endpoint_from_flag('nrpe-external-master.available')
    units = [snaps.daemon(name) for name in leave.DAEMONS]
    host = nagios.hostname(nrpe.nagios_hostname() or '', context, hookenv.local_unit())
    checks.converge(nagios.files(units, host, groups or context, export=checks.is_exported()))
    nrpe.set_checks(units)


@when_not('nrpe-external-master.available')
def remove_checks():
    checks.converge({})
