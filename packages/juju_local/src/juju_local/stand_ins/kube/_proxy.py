"""kube-proxy: reads its configuration, and follows services and endpoints. It programs no packet filter."""

from __future__ import annotations

import http.server
import threading

from . import _client, _program, _proxy_settings, _version


def main() -> None:
    """Run kube-proxy with the flags of the command line."""
    _program.run('kube-proxy', 'The Kubernetes network proxy runs on each node.', _run)


def access(values: dict[str, str]) -> _client.Access:
    """Return the server of --kubeconfig and --master, the latter winning; raises Fatal."""
    path, master = values.get('kubeconfig', ''), values.get('master', '')
    if not path and not master:
        missing = 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined'
        raise _program.Fatal(f'invalid configuration: unable to load in-cluster configuration, {missing}')
    if not path:
        return _client.Access(_with_scheme(master))
    found = _client.from_kubeconfig(path)
    return _client.Access(_with_scheme(master), found.context, found.authorization) if master else found


def _with_scheme(master: str) -> str:
    return (master if '://' in master else f'http://{master}').rstrip('/')


def _run(values: dict[str, str], version: _version.Version) -> None:
    settings = _proxy_settings.read(values, version)
    client = _client.Client(access({**values, 'kubeconfig': settings.kubeconfig}), f'kube-proxy/{_version.text()}')
    changed = threading.Event()
    services = _client.Informer(client, '/api/v1/services', changed.set)
    endpoints = _client.Informer(client, '/api/v1/endpoints', changed.set)
    services.start()
    endpoints.start()
    _serve_health(settings.healthz_address)
    known = -1
    while True:
        changed.wait()
        changed.clear()
        if services.synced and len(services.objects()) != known:
            known = len(services.objects())
            _program.log('I', f'syncing rules for {known} services')


def _serve_health(address: str) -> None:
    """Serve /healthz; a port that is taken is only logged, as by the real one."""
    host, _, port = address.rpartition(':')
    if not port or port == '0':
        return
    try:
        server = http.server.ThreadingHTTPServer((host or address, int(port)), _Health)
    except OSError as error:
        _program.log('E', f'failed to start healthz on {address}: {error}')
        return
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == '/healthz' else 404)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
