"""The container runtime: where it comes from, what it runs with, where it is logged in."""

from charmhelpers.core import hookenv
from charms.layer import status
from charms.layer.kubernetes_worker import boot_options, docker, docker_logins, inputs, journal, runtime, runtime_inputs
from charms.reactive import set_flag, when, when_not


@when_not('kubernetes-worker.unit.leaving')
def converge_runtime():
    """Install docker, switch to another one, or restart it with other options; what fails is tried again later."""
    settings = runtime_inputs.settings()
    if settings is None:
        return  # the status tells
    host = runtime_inputs.host()
    if not docker.is_possible(settings, host):
        return  # the status tells, and what is there stays
    wanted = docker.wanted(settings, host)
    if not runtime.is_in_force(wanted):
        status.maintenance(f'Installing {" ".join(wanted.packages)}')
    try:
        runtime.converge(settings, host, inputs.node_name())
        set_flag('kubernetes-worker.runtime.installed')
        runtime.converge_driver(settings, host)
    except runtime.Failed as error:
        hookenv.log(str(error), hookenv.WARNING)
        journal.failures.append(str(error))


@when('kubernetes-worker.runtime.installed')
@when_not('kubernetes-worker.unit.leaving')
def converge_logins():
    """Log in to registries of option docker-logins and out of others."""
    docker_logins.converge()


@when_not('kubernetes-worker.unit.leaving')
def converge_boot_options():
    """Option enable-cgroups."""
    boot_options.converge()
