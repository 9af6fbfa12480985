"""The real kubectl against the API server. The node is a stand-in kubelet, of both clusters; no container runs."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _kubectl import KUBECTL
from _programs import eventually, free_port, real_programs, started

NODE = 'node-a'
REAL_IS_SLOW = True

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
DAEMON_SET = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "agent:1"}]}
"""


class Kubectl:
    def __init__(self, program: Path, config: Path, namespace: str) -> None:
        self.common = [
            str(program),
            f'--kubeconfig={config}',
            f'--namespace={namespace}',
            f'--cache-dir={config.parent}/cache',
        ]

    def run(self, *arguments: str, given: str = '') -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.common, *arguments], input=given, capture_output=True, text=True, timeout=300, check=False
        )

    def says(self, words: str, *arguments: str) -> bool:
        """Whether it says these words; it is ended then."""
        with subprocess.Popen(
            [*self.common, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout
            said = any(words in line for line in process.stdout)
            process.terminate()
        return said

    def __call__(self, *arguments: str, given: str = '') -> str:
        ended = self.run(*arguments, given=given)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, '-o', 'json'))


def is_ready(node: Any) -> bool:
    return any(each['type'] == 'Ready' and each['status'] == 'True' for each in node['status']['conditions'])


@pytest.fixture(scope='module')
def nodes(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A node that runs pods, and what brings pods to it."""
    folder = tmp_path_factory.mktemp('node')
    # who lost its lead in a pause of the machine would end
    admin = {'kubeconfig': cluster.kubeconfig('admin', 'admin-token'), 'port': 0, 'leader-elect': 'false'}
    kubelet = {
        'kubeconfig': cluster.kubeconfig('kubelet', 'node-token'), 'hostname-override': NODE, 'node-ip': '127.0.0.1',
        'container-runtime': 'remote', 'container-runtime-endpoint': '', 'port': free_port(), 'healthz-port': 0,
        'fail-swap-on': 'false', 'tls-cert-file': cluster.folder / 'server.crt', 'client-ca-file': cluster.authority,
        'tls-private-key-file': cluster.folder / 'server.key', 'anonymous-auth': 'false',
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        if not cluster.real:  # a real one has its controller manager already
            stack.enter_context(started(folder, 'kube-controller-manager', admin))
        real = real_programs() if cluster.real else None
        stack.enter_context(started(folder, 'kube-scheduler', admin, real=real))
        stack.enter_context(started(folder, 'kubelet', kubelet))
        eventually(lambda: is_ready(cluster.admin.get(f'/api/v1/nodes/{NODE}')))
        yield
    cluster.admin.call('DELETE', f'/api/v1/nodes/{NODE}')


@pytest.fixture
def kubectl(cluster: Any, nodes: None, namespace: str) -> Kubectl:
    real = real_programs() if cluster.real else None
    program = real / 'kubectl' if real else KUBECTL
    if not program.exists():
        pytest.skip('kubectl is not there: run `make kubectl`')
    return Kubectl(program, cluster.kubeconfig('kubectl', 'admin-token'), namespace)


def ready_replicas(kubectl: Kubectl, kind: str, name: str) -> int:
    status = kubectl.json('get', kind, name)['status']
    return int(status.get('readyReplicas') or status.get('numberReady') or 0)


def test_apply_makes_a_deployment_that_comes_to_run(kubectl: Kubectl) -> None:
    said = kubectl('apply', '-f', '-', given=DEPLOYMENT)
    assert said.splitlines() == ['deployment.apps/web created', 'service/web created']
    kubectl('rollout', 'status', 'deployment/web', '--timeout=240s')
    assert ready_replicas(kubectl, 'deployment', 'web') == 2
    eventually(lambda: len(kubectl.json('get', 'endpoints', 'web')['subsets'][0]['addresses']) == 2)


def test_applying_the_same_again_changes_nothing(kubectl: Kubectl) -> None:
    kubectl('apply', '-f', '-', given=DEPLOYMENT)
    said = kubectl('apply', '-f', '-', given=DEPLOYMENT)
    assert said.splitlines() == ['deployment.apps/web unchanged', 'service/web unchanged']
    assert 'deployment.apps/web configured' in kubectl(
        'apply', '-f', '-', given=DEPLOYMENT.replace('replicas: 2', 'replicas: 1')
    )
    eventually(lambda: len(kubectl.json('get', 'pods')['items']) == 1)


def test_get_prints_tables_with_the_usual_columns(kubectl: Kubectl) -> None:
    header, row = kubectl('get', 'node', NODE).splitlines()
    assert header.split() == ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION']
    assert row.split()[:3] == [NODE, 'Ready', '<none>']
    kubectl('apply', '-f', '-', given=DEPLOYMENT)
    eventually(lambda: kubectl('get', 'pods').count('1/1') == 2)
    assert kubectl('get', 'pods').splitlines()[0].split() == ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE']
    assert NODE in kubectl('get', 'pods', '-o', 'wide')
    assert 'deployment.apps/web' in kubectl('get', 'all')


def test_labels_are_set_and_removed(kubectl: Kubectl) -> None:
    kubectl('create', 'configmap', 'one', '--from-literal=a=1')
    assert kubectl('label', 'configmap', 'one', 'colour=red') == 'configmap/one labeled\n'
    refused = kubectl.run('label', 'configmap', 'one', 'colour=blue')
    assert refused.returncode == 1 and 'overwrite is false' in refused.stderr
    kubectl('label', '--overwrite', 'configmap', 'one', 'colour=blue')
    assert kubectl('get', 'configmap', '-l', 'colour=blue', '-o', 'name') == 'configmap/one\n'
    kubectl('label', 'configmap', 'one', 'colour-')
    assert kubectl('get', 'configmap', '-l', 'colour', '-o', 'name') == ''


def test_drain_evicts_pods_and_leaves_those_of_daemon_sets(kubectl: Kubectl) -> None:
    kubectl('apply', '-f', '-', given=DEPLOYMENT)
    kubectl('apply', '-f', '-', given=DAEMON_SET)
    eventually(
        lambda: ready_replicas(kubectl, 'deployment', 'web') == 2 and ready_replicas(kubectl, 'daemonset', 'agent') == 1
    )
    try:
        refused = kubectl.run('drain', NODE)
        assert refused.returncode == 1 and 'DaemonSet-managed' in refused.stderr
        said = kubectl('drain', NODE, '--ignore-daemonsets', '--force', '--timeout=240s')
        assert 'evicted' in said
        assert 'SchedulingDisabled' in kubectl('get', 'node', NODE)
        pods = kubectl.json('get', 'pods')['items']
        assert [pod['metadata']['labels']['app'] for pod in pods if pod['spec'].get('nodeName')] == ['agent']
    finally:
        kubectl('uncordon', NODE)
    eventually(lambda: ready_replicas(kubectl, 'deployment', 'web') == 2)


def test_drain_waits_for_a_disruption_budget(kubectl: Kubectl) -> None:
    kubectl('apply', '-f', '-', given=DEPLOYMENT)
    eventually(lambda: ready_replicas(kubectl, 'deployment', 'web') == 2)
    kubectl('create', 'poddisruptionbudget', 'all', '--selector=app=web', '--min-available=2')
    try:
        refusal = "Cannot evict pod as it would violate the pod's disruption budget."
        assert kubectl.says(refusal, 'drain', NODE, '--ignore-daemonsets', '--force', '--timeout=240s')
        assert ready_replicas(kubectl, 'deployment', 'web') == 2
    finally:
        kubectl('uncordon', NODE)


def test_describe_patch_scale_logs_and_delete_work(kubectl: Kubectl, cluster: Any, namespace: str) -> None:
    kubectl('apply', '-f', '-', given=DEPLOYMENT)
    kubectl(
        'patch',
        'deployment',
        'web',
        '-p',
        '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"web:2"}]}}}}',
    )
    kubectl('scale', 'deployment', 'web', '--replicas=1')
    eventually(
        lambda: [pod['spec']['containers'][0]['image'] for pod in kubectl.json('get', 'pods')['items']] == ['web:2']
    )
    eventually(lambda: ready_replicas(kubectl, 'deployment', 'web') == 1)
    assert 'Selector:               app=web' in kubectl('describe', 'deployment', 'web')
    assert 'MemoryPressure' in kubectl('describe', 'node', NODE)
    pod = kubectl('get', 'pods', '-o', 'name').split('/')[1].strip()
    assert kubectl('logs', pod) == f'started {namespace}/{pod}/web\n'
    kubectl('delete', 'deployment', 'web', '--timeout=240s')
    eventually(lambda: kubectl('get', 'pods', '-o', 'name') == '')


def test_a_deleted_namespace_takes_everything_in_it_along(kubectl: Kubectl, namespace: str) -> None:
    kubectl('apply', '-f', '-', given=DEPLOYMENT)
    kubectl('create', 'role', 'reader', '--verb=get', '--resource=pods')
    kubectl('delete', 'namespace', namespace, '--timeout=240s')
    missing = kubectl.run('get', 'role', 'reader')
    assert missing.returncode == 1 and 'NotFound' in missing.stderr


def test_a_missing_object_is_reported_as_kubectl_reports_it(kubectl: Kubectl) -> None:
    missing = kubectl.run('get', 'pod', 'nobody')
    assert missing.stderr == 'Error from server (NotFound): pods "nobody" not found\n'
