"""nginx.conf for a list of servers. Computing only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from routes import Location, Server

FAKE = '/etc/ingress-controller/fake'  # .pem and .key: for TLS without a certificate of one's own
HEALTH_PORT = 10254
SIZE = re.compile(r'\d+[kKmMgG]?')
HOST = re.compile(r'(?:\*\.)?[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?')
PATH = re.compile(r'/[-\w./~%+@:,=&!*]*')  # nothing that nginx reads as the end of a word, or as a variable
HEAD = """\
worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    server_tokens off;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    server_names_hash_bucket_size 128;
    client_max_body_size {body_size};
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen {health};
        location /healthz {{ return 200; }}
        location / {{ return 404; }}
    }}
"""
PROXY = """\
            proxy_pass {scheme}://{upstream};
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
"""


def render(servers: Sequence[Server], settings: Mapping[str, str], certificates: Mapping[tuple[str, str], str]) -> str:
    """Return nginx.conf.

    Args:
        servers: the one for any other host among them.
        settings: the controller's ConfigMap.
        certificates: secret to path, without .pem and .key.
    """
    size = settings.get('proxy-body-size') or settings.get('body-size') or '1m'
    body = [HEAD.format(body_size=size if SIZE.fullmatch(size) else '1m', health=HEALTH_PORT)]
    upstreams: dict[tuple[str, ...], str] = {}
    for server in servers:
        if not server.host or HOST.fullmatch(server.host):
            body.append(_server(server, upstreams, certificates))
    body += [_upstream(name, addresses) for addresses, name in upstreams.items()]
    return ''.join([*body, '}\n'])


def _server(server: Server, upstreams: dict[tuple[str, ...], str], certificates: Mapping[tuple[str, str], str]) -> str:
    certificate = certificates.get(server.certificate, FAKE)
    default = '' if server.host else ' default_server'
    lines = ['    server {', f'        listen 80{default};', f'        listen 443 ssl{default};']
    lines += [f'        server_name {server.host or "_"};']
    lines += [f'        ssl_certificate {certificate}.pem;', f'        ssl_certificate_key {certificate}.key;']
    if server.redirects:
        lines.append('        if ($scheme = http) { return 308 https://$http_host$request_uri; }')
    for location in server.locations:
        if PATH.fullmatch(location.path):
            lines += _location(location, upstreams)
    return '\n'.join([*lines, '    }', ''])


def _location(location: Location, upstreams: dict[tuple[str, ...], str]) -> list[str]:
    lines = [f'        location {"= " if location.exact else ""}{location.path} {{']
    if SIZE.fullmatch(location.body_size):
        lines.append(f'            client_max_body_size {location.body_size};')
    if location.addresses:
        name = upstreams.setdefault(location.addresses, f'u{len(upstreams)}')
        lines += PROXY.format(scheme='https' if location.tls else 'http', upstream=name).splitlines()
    else:
        lines.append('            return 503;')
    return [*lines, '        }']


def _upstream(name: str, addresses: tuple[str, ...]) -> str:
    listed = ''.join(f' server {address};' for address in addresses)
    return f'    upstream {name} {{{listed} keepalive 16; }}\n'
