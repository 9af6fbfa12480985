"""The objects of the ingress, for each server there may be."""

import pytest
from charms.layer.kubernetes_common import ingress_objects, things
from charms.layer.kubernetes_worker import ingress
from charms.layer.kubernetes_worker.ingress import Facts, Server, Settings

WORKER = Facts('worker', 'amd64', '', Settings())


def server(minor):
    """What an API server of 1.MINOR serves."""
    workloads = 'apps/v1' if minor >= 9 else 'extensions/v1beta1'
    classes = '' if minor < 18 else 'networking.k8s.io/v1beta1' if minor < 19 else 'networking.k8s.io/v1'
    return Server((1, minor, 0), workloads, classes)


def made(facts, minor):
    return {thing.body['kind']: thing for thing in ingress.things(facts, server(minor))}


@pytest.mark.parametrize('minor', range(9, 37))
@pytest.mark.parametrize('architecture', ['amd64', 'arm64', 's390x', 'ppc64el'])
def test_fm_62_every_server_and_architecture_has_a_controller_or_a_reason(minor, architecture):
    facts = Facts('worker', architecture, '', Settings())
    reason = ingress.problem(facts, server(minor))
    assert bool(reason) == (architecture == 'ppc64el' and minor >= 19)
    if not reason:
        image = made(facts, minor)['DaemonSet'].body['spec']['template']['spec']['containers'][0]['image']
        assert image.startswith('quay.io/' if minor < 19 else 'registry.k8s.io/ingress-nginx/controller:v1.')


def test_fm_62_a_server_without_any_known_group_is_told():
    assert 'offers no DaemonSet' in ingress.problem(WORKER, Server((1, 40), '', ''))


def test_an_image_of_the_operators_is_taken_on_any_architecture():
    facts = Facts('worker', 'ppc64el', 'r', Settings(controller_image='me/nginx:1', backend_image='me/backend:1'))
    assert ingress.problem(facts, server(30)) == ''
    assert (ingress.controller_image(facts, (1, 30)), ingress.backend_image(facts)) == ('me/nginx:1', 'me/backend:1')


def test_fm_54_images_come_from_the_registry_that_the_control_plane_names():
    facts = Facts('worker', 'arm64', 'r:5000/cdk/', Settings())
    assert ingress.backend_image(facts) == 'r:5000/cdk/defaultbackend-arm64:1.5'
    assert ingress.controller_image(facts, (1, 12)) == (
        'r:5000/cdk/kubernetes-ingress-controller/nginx-ingress-controller-arm64:0.22.0'
    )


@pytest.mark.parametrize('minor', [9, 12, 19, 30])
@pytest.mark.parametrize('completion', [False, True])
def test_chain_completion_is_an_argument_of_the_controller(minor, completion):
    facts = Facts('worker', 'amd64', '', Settings(chain_completion=completion))
    arguments = made(facts, minor)['DaemonSet'].body['spec']['template']['spec']['containers'][0]['args']
    assert f'--enable-ssl-chain-completion={str(completion).lower()}' in arguments


def test_classes_are_there_from_the_version_whose_controllers_know_them():
    assert 'IngressClass' not in made(WORKER, 12)
    thing = made(WORKER, 22)['IngressClass']
    assert (thing.group, thing.name, thing.namespace) == ('networking.k8s.io/v1', 'nginx-worker', '')
    arguments = made(WORKER, 22)['DaemonSet'].body['spec']['template']['spec']['containers'][0]['args']
    assert f'--controller-class={thing.body["spec"]["controller"]}' in arguments


@pytest.mark.parametrize('minor', [9, 19, 30])
def test_fm_60_everything_bears_the_mark_and_two_applications_share_no_object(minor):
    def names(app):
        found = ingress.things(Facts(app, 'amd64', '', Settings()), server(minor))
        assert all(things.bears(thing.body, ingress_objects.mark(app)) for thing in found)
        return {(thing.resource, thing.namespace, thing.name) for thing in found}

    assert not names('web') & names('web-two')


@pytest.mark.parametrize('minor', [9, 19, 30])
def test_fm_59_every_kind_that_is_made_is_looked_through_when_it_is_removed(minor):
    made_kinds = {(thing.resource, thing.group) for thing in ingress.things(WORKER, server(minor))}
    assert made_kinds - {('namespaces', 'v1')} <= set(
        ingress_objects.kinds(server(minor).workloads, server(minor).classes)
    )


def test_pods_of_workloads_are_those_that_their_selectors_find():
    for thing in ingress.things(WORKER, server(12)):
        if thing.resource in ('daemonsets', 'deployments'):
            spec = thing.body['spec']
            assert spec['selector']['matchLabels'].items() <= spec['template']['metadata']['labels'].items()


MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: nginx-load-balancer-web-conf}
---
apiVersion: apps/v1beta2
kind: DaemonSet
metadata: {name: nginx-ingress-web-controller}
---
apiVersion: rbac.authorization.k8s.io/v1beta1
kind: ClusterRole
metadata: {name: nginx-ingress-web-clusterrole}
---
kind: Service
metadata: {name: default-http-backend}
---
kind: ServiceAccount
metadata: {name: shared}
---
kind: Role
metadata: {name: nginx-ingress-role-web, namespace: ingress-nginx-web, labels: {cdk-web-ingress: "true"}}
"""


def test_fm_59_what_a_public_revision_made_is_read_from_its_manifest():
    assert ingress.legacy(MANIFEST, 'web', server(16)) == [
        ('configmaps', 'v1', 'default', 'nginx-load-balancer-web-conf'),
        ('daemonsets', 'apps/v1', 'default', 'nginx-ingress-web-controller'),
        ('clusterroles', 'rbac.authorization.k8s.io/v1', '', 'nginx-ingress-web-clusterrole'),
    ]
    assert ingress.legacy('a: [', 'web', server(16)) == ingress.legacy('', 'web', server(16)) == []
