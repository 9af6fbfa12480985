"""A door: runs what an operator asks for with `juju run-action`."""

from __future__ import annotations

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, cluster_objects, debug, options, snap_access, snaps
from charms.reactive import main as run_handlers
from charms.reactive import set_flag

from . import (
    cleaning,
    ingress,
    inputs,
    journal,
    machine,
    microbot,
    packages,
    paths,
    pause,
    registry_action,
)
from .cluster_node import Refused
from .upgrade import Step

TIMEOUT_S = 30.0
REPLICAS_MAX = 1000


def run(name: str) -> None:
    """Run an action; what cannot be done fails it with a message and leaves the unit's hooks alone."""
    try:
        ACTIONS[name]()
    except (Refused, api.Error, options.Invalid) as error:
        hookenv.action_fail(f'{name}: {error}')
    except FileNotFoundError as error:
        hookenv.action_fail(f'{name}: this unit has no {error.filename} yet: it has not joined a cluster')


def run_pause() -> None:
    """Drain the node; from then on the status says so, in every hook."""
    client = _client()
    pause.begin(
        client,
        inputs.node_name(),
        delete_local_data=_flag('delete-local-data'),
        force=_flag('force'),
        timeout_s=float(_number('timeout', 0)),
    )
    run_handlers()


def run_resume() -> None:
    pause.end(_client(), inputs.node_name())
    run_handlers()


def run_upgrade() -> None:
    """Install what the options and resources ask for now."""
    packages.learn_resources()
    if packages.step(requested=True) is Step.NOTHING:
        hookenv.action_set({'result': f'nothing to upgrade: {packages.described()} is installed'})
        return
    set_flag('kubernetes-worker.upgrade.requested')
    run_handlers()
    for failure in [*snap_access.failures, *journal.failures]:
        raise Refused(failure)
    hookenv.action_set({'result': f'installed {packages.described()}'})


def run_registry() -> None:
    if _flag('delete'):
        hookenv.action_set(registry_action.delete(_client()))
        return
    given = hookenv.action_get() or {}
    hookenv.action_set(registry_action.create(_client(), given, with_ingress=_flag('ingress')))


def run_microbot() -> None:
    client = _client()
    groups = registry_action.groups(client)
    if _flag('delete'):
        kinds = [(resource, group) for resource, group in microbot.kinds(*groups) if group]
        gone = cluster_objects.remove(client, kinds, microbot.MARK)
        hookenv.action_set({'removed': ', '.join(gone) or 'nothing, there was no microbot'})
        return
    host = microbot.host(inputs.public_address()) or microbot.host(inputs.ingress_address())
    if not host or not groups[1]:
        why = f'offers no Ingress in {", ".join(ingress.INGRESSES)}' if host else 'has no IPv4 address'
        raise Refused(f'{"the API server" if host else "this unit"} {why}')
    wanted = microbot.things(
        host,
        _number('replicas', 1),
        architecture=machine.architecture(),
        registry_location=inputs.collect().cluster.registry,
        workloads=groups[0],
        ingresses=groups[1],
    )
    try:
        cluster_objects.check(client, wanted, microbot.MARK)
        cluster_objects.apply(client, wanted, microbot.MARK)
    except cluster_objects.Foreign as error:
        raise Refused(f'{error}: remove it, then run the action again') from error
    hookenv.action_set({'address': host})


def run_debug() -> None:
    """Pack what helps to find a fault, and no secret, into an archive."""
    path = debug.archive(debug.commands([snaps.daemon('kubelet'), snaps.daemon('kube-proxy'), 'docker', 'containerd']))
    command = f'juju scp {hookenv.local_unit()}:{path} .'
    hookenv.action_set({'path': str(path), 'command': command, 'message': 'Archive is ready.'})


def run_clean_containers() -> None:
    hookenv.action_set({'result': cleaning.containers()})


def run_clean_images() -> None:
    hookenv.action_set({'result': cleaning.images(untagged_only=_flag('untagged'))})


def _client() -> api.Client:
    return api.Client.from_kubeconfig(paths.ROOT_KUBECONFIG, timeout_s=TIMEOUT_S)


def _flag(name: str) -> bool:
    return options.boolean({name: hookenv.action_get(name)}, name)


def _number(name: str, least: int) -> int:
    given = hookenv.action_get(name)
    try:
        value = int(str(given))
    except ValueError as error:
        raise options.Invalid(name, f'expected a whole number, got {str(given)[:40]!r}') from error
    if not least <= value <= LARGEST[name]:
        raise options.Invalid(name, f'expected a number from {least} to {LARGEST[name]}, got {value}')
    return value


LARGEST = {'replicas': REPLICAS_MAX, 'timeout': 86_400}
ACTIONS = {
    'pause': run_pause,
    'resume': run_resume,
    'upgrade': run_upgrade,
    'registry': run_registry,
    'microbot': run_microbot,
    'debug': run_debug,
    'clean-containers': run_clean_containers,
    'clean-images': run_clean_images,
}
