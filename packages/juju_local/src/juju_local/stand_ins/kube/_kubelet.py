"""kubelet: registers its node, says that it lives, and takes its pods through their lives. Runs no containers."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

from . import (
    _client,
    _flags,
    _kubelet_node,
    _kubelet_pods,
    _kubelet_server,
    _kubelet_settings,
    _program,
    _times,
    _version,
)  # fmt: skip

Json = dict[str, Any]
_LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
_CNI_POLL_S = 1.0  # the real one looks every 5 s
_FULL_STATUS_S = 60.0  # with leases; the real one every 5 minutes


def main() -> None:
    """Run the kubelet with the flags of the command line."""
    _program.run('kubelet', 'The kubelet is the primary "node agent" that runs on each node.', _run)


def _run(values: dict[str, str], version: _version.Version) -> None:
    settings = _kubelet_settings.read(values, version)
    access = _client.from_kubeconfig(values['kubeconfig']) if values.get('kubeconfig') else None
    _check_host(settings)
    _keep_cpu_state(settings)
    Kubelet(settings, access).run()


def _check_host(settings: _kubelet_settings.Settings) -> None:
    """Raise Fatal for what the machine lacks."""
    fail = settings.get('failSwapOn')
    swaps = Path('/proc/swaps').read_text(encoding='utf-8').splitlines() if Path('/proc/swaps').exists() else []
    if fail in (True, 'true') and len(swaps) > 1:
        why = 'running with swap on is not supported, please disable swap! or set --fail-swap-on flag to false'
        raise _program.Fatal(f'failed to run Kubelet: {why}. /proc/swaps contained: {swaps}')
    if settings.runtime == 'docker' and not _runtime_is_there(settings):
        endpoint = settings.flags['docker-endpoint']
        raise _program.Fatal(
            f'failed to run Kubelet: failed to get docker version: Cannot connect to the Docker daemon at {endpoint}. '
            'Is the docker daemon running?'
        )
    if settings.runtime not in ('docker', 'remote'):
        raise _program.Fatal(f'failed to run Kubelet: unsupported CRI runtime: "{settings.runtime}"')


def _keep_cpu_state(settings: _kubelet_settings.Settings) -> None:
    """Raise Fatal where a kubelet with another CPU policy left its state; keep one's own."""
    policy = str(settings.get('cpuManagerPolicy') or 'none')
    folder = Path(settings.flags['root-dir'])
    file = folder / 'cpu_manager_state'
    kept = json.loads(file.read_text(encoding='utf-8') or '{}') if file.exists() else {}
    before = kept.get('policyName', policy)
    if before != policy:
        raise _program.Fatal(
            'start cpu manager error: could not restore state from checkpoint: configured policy '
            f'"{policy}" differs from state checkpoint policy "{before}", please drain this node and delete the CPU '
            f'manager checkpoint file "{file}" before restarting Kubelet'
        )
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({'policyName': policy, 'defaultCpuSet': ''}), encoding='utf-8')


def _runtime_is_there(settings: _kubelet_settings.Settings) -> bool:
    docker = settings.runtime == 'docker'
    endpoint = settings.flags['docker-endpoint'] if docker else str(settings.get('containerRuntimeEndpoint') or '')
    return not endpoint.startswith('unix://') or Path(endpoint.removeprefix('unix://')).exists()


class Kubelet:
    def __init__(self, settings: _kubelet_settings.Settings, access: _client.Access | None) -> None:
        self.settings = settings
        self.name = _node_name(settings)
        self.address = settings.flags['node-ip'] or _own_address()
        self.client = _client.Client(access, f'kubelet/{_version.text()}') if access else None
        self.addresses = _kubelet_pods.Addresses(self.name)
        self.changed = threading.Event()
        self.pods: _client.Informer | None = None

    def run(self) -> None:
        documents = {'/healthz': lambda: 'ok', '/pods': self._pod_list, '/configz': self._configz}
        _kubelet_server.serve(self.settings, documents)
        if self.client is None:
            _program.log('W', 'standalone mode, no API client')
            threading.Event().wait()
            return
        selector = f'fieldSelector=spec.nodeName%3D{self.name}'
        self.pods = _client.Informer(self.client, '/api/v1/pods', self.changed.set, selector=selector)
        if _flags.is_set(self.settings.flags, 'register-node'):
            self._register(self.client)
        self.pods.start()
        threading.Thread(target=self._work, args=(self.client, self.pods), daemon=True).start()
        self._beat(self.client)

    def _pod_list(self) -> Json:
        return {
            'kind': 'PodList',
            'apiVersion': 'v1',
            'metadata': {},
            'items': self.pods.objects() if self.pods else [],
        }

    def _configz(self) -> Json:
        return {'kubeletconfig': {**self.settings.config, 'port': int(self.settings.get('port'))}}

    def _register(self, client: _client.Client) -> None:
        """Make the node, or take over the one of this name; tries until the server lets it."""
        spec: Json = (
            {'taints': taints} if (taints := _kubelet_node.taints(self.settings.flags['register-with-taints'])) else {}
        )
        if self.settings.flags['provider-id']:
            spec['providerID'] = self.settings.flags['provider-id']
        meta = {'name': self.name, 'labels': _kubelet_node.labels(self.name, self.settings)}
        node = {'kind': 'Node', 'apiVersion': 'v1', 'metadata': meta, 'spec': spec, 'status': self._status([])}
        wait = 0.1
        while True:
            try:
                client.request('POST', '/api/v1/nodes', node)
                _program.log('I', f'Successfully registered node {self.name}')
                return
            except _client.ApiError as error:
                if error.reason == 'AlreadyExists':
                    return
                _program.log('E', f'Unable to register node "{self.name}" with API server: {error}')
            time.sleep(wait)
            wait = min(wait * 2, 7)

    def _not_ready(self) -> str:
        """Return why the node is not ready, '' if it is."""
        if not _runtime_is_there(self.settings):
            return 'container runtime is down'
        # Since dockershim went, it is the runtime that asks for a network configuration, always.
        if self.settings.flags.get('network-plugin') == 'cni' or self.settings.version >= (1, 24):
            folder = Path(self.settings.flags.get('cni-conf-dir', '/etc/cni/net.d'))
            found = [path for path in folder.glob('*') if path.suffix in ('.conf', '.conflist', '.json')]
            if not found:
                return (
                    'runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady '
                    'message:docker: network plugin is not ready: cni config uninitialized'
                )
        return ''

    def _status(self, before: list[Json]) -> Json:
        capacity = _kubelet_node.capacity(self.settings)
        return {
            'capacity': capacity,
            'allocatable': capacity,
            'addresses': _kubelet_node.addresses(self.name, self.address),
            'nodeInfo': _kubelet_node.info(self.settings),
            'conditions': _kubelet_node.conditions(self._not_ready(), before),
            'daemonEndpoints': {'kubeletEndpoint': {'Port': int(self.settings.get('port'))}},
        }

    def _beat(self, client: _client.Client) -> None:
        """Say for ever that the node lives; at once when its readiness changes."""
        interval = _flags.seconds(self.settings.flags['node-status-update-frequency'])
        leases = self.settings.version >= (1, 14)
        told, full, beaten = None, 0.0, 0.0
        while True:
            now, state = time.monotonic(), self._not_ready()
            try:
                if state != told or now - full >= (_FULL_STATUS_S if leases else interval):
                    self._post_status(client)
                    told, full = state, now
                if leases and now - beaten >= interval:
                    self._renew(client)
                    beaten = now
            except _client.ApiError as error:
                _program.log('E', f'Error updating node status, will retry: {error}')
                told = None if error.code == 0 else state
                full = beaten = now
            time.sleep(_CNI_POLL_S)

    def _post_status(self, client: _client.Client) -> None:
        node = client.request('GET', f'/api/v1/nodes/{self.name}')
        self.addresses.use((node.get('spec') or {}).get('podCIDR', ''))
        status = self._status((node.get('status') or {}).get('conditions') or [])
        client.request('PATCH', f'/api/v1/nodes/{self.name}/status', {'status': status}, _client.STRATEGIC)
        defaults = {
            key: value
            for key, value in _kubelet_node.labels(self.name, self.settings).items()
            if 'kubernetes.io/' in key
        }
        missing = {
            key: value for key, value in defaults.items() if (node['metadata'].get('labels') or {}).get(key) != value
        }
        if missing:
            client.request('PATCH', f'/api/v1/nodes/{self.name}', {'metadata': {'labels': missing}}, _client.MERGE)

    def _renew(self, client: _client.Client) -> None:
        spec = {'holderIdentity': self.name, 'leaseDurationSeconds': 40, 'renewTime': _times.micro()}
        try:
            client.request('PATCH', f'{_LEASES}/{self.name}', {'spec': spec}, _client.MERGE)
        except _client.ApiError as error:
            if error.code != 404:
                raise
            meta = {'name': self.name, 'namespace': 'kube-node-lease'}
            lease = {'apiVersion': 'coordination.k8s.io/v1', 'kind': 'Lease', 'metadata': meta, 'spec': spec}
            client.request('POST', _LEASES, lease)

    def _work(self, client: _client.Client, pods: _client.Informer) -> None:
        """Bring every pod of this node where it should be, whenever one changes."""
        while True:
            self.changed.wait()
            self.changed.clear()
            for pod in pods.objects():
                try:
                    self._sync(client, pod)
                except _client.ApiError as error:
                    if error.code not in (404, 409):
                        _program.log(
                            'E', f'Error syncing pod {pod["metadata"]["namespace"]}/{pod["metadata"]["name"]}: {error}'
                        )
                        threading.Timer(1.0, self.changed.set).start()

    def _sync(self, client: _client.Client, pod: Json) -> None:
        meta, phase = pod['metadata'], (pod.get('status') or {}).get('phase')
        path = f'/api/v1/namespaces/{meta["namespace"]}/pods/{meta["name"]}'
        if meta.get('deletionTimestamp'):
            # Its containers heeded TERM at once.
            options = {'gracePeriodSeconds': 0, 'preconditions': {'uid': meta['uid']}}
            client.request('DELETE', path, options)
            self.addresses.free(meta['uid'])
        elif phase == 'Pending':
            own = self.address if pod['spec'].get('hostNetwork') else self.addresses.of(meta['uid'])
            status = _kubelet_pods.running_status(pod, own, self.address)
            client.request('PATCH', f'{path}/status', {'status': status}, _client.STRATEGIC)
        elif phase == 'Running' and _kubelet_pods.ends_by_itself(pod):
            status = _kubelet_pods.finished_status(pod, self.address)
            client.request('PATCH', f'{path}/status', {'status': status}, _client.STRATEGIC)


def _node_name(settings: _kubelet_settings.Settings) -> str:
    """Return the node's name: under the cloud provider of AWS, which ends with 1.26, the private DNS name."""
    in_cloud = settings.flags.get('cloud-provider') == 'aws' and settings.version <= (1, 26)
    host = socket.getfqdn() if in_cloud else socket.gethostname()
    return (settings.flags['hostname-override'] or host).strip().lower()


def _own_address() -> str:
    """Return the address this machine reaches others from."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(('192.0.2.1', 9))  # no packet is sent
        return str(probe.getsockname()[0])
    return '127.0.0.1'


__all__ = ['Kubelet', 'main']
