"""All that the charms and cdk-addons make in a cluster, made by kubectl, which reads the server's own schemas."""

from __future__ import annotations

import itertools
import json
import subprocess
from typing import Any

import _charms  # noqa: F401 - makes the next ones importable
import pytest
from _kubectl import KUBECTL
from _programs import eventually, real_programs
from charms.layer.kubernetes_master import rights
from charms.layer.kubernetes_worker import ingress, microbot, registry
from juju_local.stand_ins.kube import _addons

SERVER = ingress.Server((1, 20, 2), 'apps/v1', 'networking.k8s.io/v1')
INGRESSES = 'networking.k8s.io/v1'  # what the worker chooses where the server has it
OLD_INGRESSES = ('networking.k8s.io/v1beta1', 'extensions/v1beta1')
PARAMETERS = registry.Parameters(
    'registry.example.com', {'me': '$2y$05$x'}, 'me:$2y$05$x\n', 'me', 'secret', 'CERTIFICATE', 'KEY'
)
WHERE = {'architecture': 'amd64', 'workloads': 'apps/v1'}
Body = dict[str, Any]
_numbers = itertools.count()


def of_ingress(**settings: Any) -> list[Body]:
    facts = ingress.Facts(f'worker-{next(_numbers)}', 'amd64', '', ingress.Settings(**settings))
    return [thing.signed() for thing in ingress.things(facts, SERVER)]


def of_registry(ingresses: str) -> list[Body]:
    return [thing.signed() for thing in registry.things(PARAMETERS, registry='', ingresses=ingresses, **WHERE)]


def of_microbot(ingresses: str) -> list[Body]:
    made = microbot.things('microbot.example.com', 3, registry_location='', ingresses=ingresses, **WHERE)
    return [thing.signed() for thing in made]


def of_addons(**options: str) -> list[Body]:
    every = {'enable-dashboard': 'true', 'enable-metrics': 'true', 'enable-gpu': 'true', 'dns-domain': 'cluster.local'}
    return _addons.manifests({**every, 'dns-ip': '10.152.183.10', **options})


class Kubectl:
    """The kubectl that belongs to a cluster. The stand-in tells no schemas, so what it is given is not validated."""

    def __init__(self, cluster: Any) -> None:
        real = real_programs() if cluster.real else None
        program = real / 'kubectl' if real else KUBECTL
        if not program.exists():
            pytest.skip('kubectl is not there: run `make kubectl`')
        config = cluster.kubeconfig('manifests', 'admin-token')
        self._common = [str(program), f'--kubeconfig={config}', f'--cache-dir={config.parent}/cache']
        self._validate = f'--validate={str(cluster.real).lower()}'

    def create(self, *bodies: Body) -> subprocess.CompletedProcess[str]:
        return self._run('create', self._validate, bodies=bodies)

    def delete(self, *bodies: Body) -> None:
        self._run('delete', '--ignore-not-found', '--wait=false', '--now', bodies=bodies)

    def _run(self, *words: str, bodies: tuple[Body, ...]) -> subprocess.CompletedProcess[str]:
        given = json.dumps({'apiVersion': 'v1', 'kind': 'List', 'items': list(bodies)})
        return subprocess.run(
            [*self._common, *words, '-f', '-'], input=given, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture
def kubectl(cluster: Any) -> Kubectl:
    eventually(lambda: cluster.admin.get('/api/v1/namespaces/kube-system'))
    return Kubectl(cluster)


def taken(kubectl: Kubectl, bodies: list[Body]) -> str:
    """Make objects, and take them away again; return what the server warns of.

    kubectl itself says so where its own limit of requests in a second took longer than it should: on a busy machine.
    """
    try:
        said = kubectl.create(*bodies)
        assert said.returncode == 0, said.stderr
        assert len(said.stdout.splitlines()) == len(bodies)
        return ''.join(line for line in said.stderr.splitlines(keepends=True) if 'Throttling request took' not in line)
    finally:
        kubectl.delete(*bodies)


@pytest.mark.parametrize(
    'bodies',
    [
        of_ingress(),
        of_ingress(chain_completion=True, controller_image='me/nginx:1', backend_image='me/backend:1'),
        of_registry(INGRESSES),
        of_registry(''),
        of_microbot(INGRESSES),
        list(rights.objects('kubernetes-master').values()),
        of_addons(),
        of_addons(**{'dns-provider': 'core-dns'}),
    ],
    ids=['ingress', 'ingress with options', 'registry', 'registry alone', 'microbot', 'rights', 'addons', 'core-dns'],
)
def test_the_server_takes_every_object_that_is_made_for_it_without_a_warning(
    kubectl: Kubectl, bodies: list[Body]
) -> None:
    assert taken(kubectl, bodies) == ''


@pytest.mark.parametrize('group', OLD_INGRESSES)
def test_the_server_takes_what_is_made_for_older_ones_while_it_serves_their_groups(
    kubectl: Kubectl, group: str
) -> None:
    taken(kubectl, of_registry(group) + of_microbot(group))


def test_the_real_server_refuses_a_field_that_it_does_not_know(kubectl: Kubectl, cluster: Any) -> None:
    body = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'odd', 'namespace': 'default'}}
    said = kubectl.create({**body, 'spec': {'ports': [{'port': 80, 'unheardOf': 1}]}})
    kubectl.delete(body)
    assert (said.returncode != 0 and 'unheardOf' in said.stderr) is cluster.real
