"""Keeps nginx serving what Ingresses ask for."""

from __future__ import annotations

import argparse
import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

import cache
import config
import routes

PATH = '/tmp/nginx.conf'
CERTIFICATES = '/tmp/certificates'
PAUSE_S = 0.5  # changes that come together are taken up together


def main(arguments: Sequence[str]) -> NoReturn:
    """Serve until SIGTERM; end with nginx if that ends."""
    settings = flags(arguments)
    api = cache.Api()
    kept = cache.Cache(api, resources(api))
    kept.start()
    while not kept.is_complete():
        time.sleep(0.1)
    shown = apply(kept.snapshot(), settings, '')
    nginx = subprocess.Popen(['nginx', '-c', PATH, '-g', 'daemon off;'])
    signal.signal(signal.SIGTERM, lambda *_: nginx.send_signal(signal.SIGQUIT))
    while nginx.poll() is None:
        if kept.changed.wait(PAUSE_S):
            time.sleep(PAUSE_S)
            kept.changed.clear()
            now = apply(kept.snapshot(), settings, shown)
            if now != shown:
                nginx.send_signal(signal.SIGHUP)
                shown = now
    sys.exit(nginx.returncode)


def flags(arguments: Sequence[str]) -> routes.Settings:
    """Return the settings in a command line; flags of the namesake that change nothing here are left aside."""
    parser = argparse.ArgumentParser('nginx-ingress-controller', allow_abbrev=False)
    parser.add_argument('--default-backend-service', default='/')
    parser.add_argument('--configmap', default='/')
    parser.add_argument('--controller-class', default='k8s.io/ingress-nginx')
    parser.add_argument('--ingress-class', default='nginx')
    parser.add_argument('--watch-ingress-without-class', default='')
    given, others = parser.parse_known_args(list(arguments))
    if others:
        print(f'without effect here: {" ".join(others)}', file=sys.stderr, flush=True)
    modern = '--controller-class' in ' '.join(arguments)
    without = given.watch_ingress_without_class or ('false' if modern else 'true')
    return routes.Settings(
        default_backend=_pair(given.default_backend_service),
        configuration=_pair(given.configmap),
        controller_class=given.controller_class,
        ingress_class=given.ingress_class,
        without_class=without == 'true',
    )


def _pair(text: str) -> tuple[str, str]:
    namespace, _, name = text.partition('/')
    return namespace, name


def resources(api: cache.Api) -> dict[str, str]:
    """Return the paths of what to follow, in the versions the server has."""
    groups = ('networking.k8s.io/v1', 'networking.k8s.io/v1beta1', 'extensions/v1beta1')
    ingresses = next(group for group in groups if api.has(group, 'ingresses'))
    found = {name: f'/api/v1/{name}' for name in ('services', 'endpoints', 'secrets', 'configmaps')}
    found['ingresses'] = f'/apis/{ingresses}/ingresses'
    if api.has(ingresses, 'ingressclasses'):
        found['ingressclasses'] = f'/apis/{ingresses}/ingressclasses'
    return found


def apply(objects: Mapping[str, routes.Objects], settings: routes.Settings, shown: str) -> str:
    """Write what nginx reads if it differs; return it. What nginx would refuse is told, and the old stays."""
    servers = routes.servers(objects, settings)
    written = {server.certificate: write_certificate(server.certificate, objects) for server in servers}
    known = objects['configmaps'].get(settings.configuration) or {}
    paths = {secret: path for secret, (path, _) in written.items() if path}
    # a new certificate under an old name is a change, too
    marks = ''.join(f'# {path} {mark}\n' for path, mark in sorted(written.values()) if path)
    text = marks + config.render(servers, known.get('data') or {}, paths)
    if text == shown:
        return shown
    write(f'{PATH}.new', text)
    tried = subprocess.run(['nginx', '-t', '-q', '-c', f'{PATH}.new'], capture_output=True, text=True)
    if tried.returncode and shown:
        print(f'nginx refuses the new configuration: {tried.stderr.strip()}', file=sys.stderr, flush=True)
        return shown
    os.replace(f'{PATH}.new', PATH)
    return text


def write_certificate(secret: tuple[str, str], objects: Mapping[str, routes.Objects]) -> tuple[str, str]:
    """Write a TLS secret; return where (without .pem and .key) and its version, or nothing if it is none."""
    found = objects['secrets'].get(secret)
    data = (found or {}).get('data') or {}
    if not found or 'tls.crt' not in data or 'tls.key' not in data:
        return '', ''
    path = f'{CERTIFICATES}/{"_".join(secret)}'
    os.makedirs(CERTIFICATES, mode=0o700, exist_ok=True)
    write(f'{path}.pem', base64.b64decode(data['tls.crt']).decode())
    write(f'{path}.key', base64.b64decode(data['tls.key']).decode())
    return path, str(found['metadata']['resourceVersion'])


def write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, 'w', encoding='utf-8') as file:
        file.write(text)
