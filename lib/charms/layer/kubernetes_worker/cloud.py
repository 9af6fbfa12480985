"""The cloud that a kubelet is told of: arguments and files, by what the cloud's integrator told. Decides only."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from charms.layer.kubernetes_common.versions import Span, Version

from .credentials import File

CONFIG = '/var/snap/kubelet/common/cloud-config.conf'
AUTHORITY = '/var/snap/kubelet/common/cloud-endpoint-ca.crt'
FILES = (CONFIG, AUTHORITY)
IN_TREE = Span(last=(1, 25))  # later kubelets leave OpenStack to a program of its own
# keys of the file, section by section, and what the integrator calls them
GLOBAL = {
    'auth-url': 'auth_url',
    'region': 'region',
    'username': 'username',
    'password': 'password',
    'tenant-name': 'project_name',
    'domain-name': 'user_domain_name',
    'tenant-domain-name': 'project_domain_name',
}
BALANCER = {
    'subnet-id': 'subnet_id',
    'floating-network-id': 'floating_network_id',
    'lb-method': 'lb_method',
    'manage-security-groups': 'manage_security_groups',
}


def arguments(told: Mapping[str, object], version: Version) -> dict[str, str]:
    """Return the kubelet's flags in a cloud; none outside of one."""
    if not told:
        return {}
    if version not in IN_TREE:
        return {'cloud-provider': 'external'}
    return {'cloud-provider': 'openstack', 'cloud-config': CONFIG}


def files(told: Mapping[str, object], version: Version) -> list[File]:
    """Return the files that the flags lead to; they hold the cloud's password."""
    if not told or version not in IN_TREE:
        return []
    authority = _pem(told.get('endpoint_tls_ca'))
    lines = _section('Global', GLOBAL, told) + ([f'ca-file = {AUTHORITY}'] if authority else [])
    lines += _section('LoadBalancer', BALANCER, told)
    found = [File(CONFIG, '\n'.join([*lines, '']))]
    return found + ([File(AUTHORITY, authority)] if authority else [])


def _section(name: str, keys: Mapping[str, str], told: Mapping[str, object]) -> list[str]:
    values = {key: _value(told[source]) for key, source in keys.items() if told.get(source) not in (None, '')}
    return [f'[{name}]', *(f'{key} = {value}' for key, value in values.items())] if values else []


def _value(value: object) -> str:
    """Return a value as the file's format (gcfg) quotes it, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    text = re.sub(r'[\x00-\x1f]', ' ', str(value)).replace('\\', '\\\\').replace('"', '\\"')
    return f'"{text}"'


def _pem(encoded: object) -> str:
    try:
        return base64.b64decode(str(encoded or ''), validate=True).decode()
    except (binascii.Error, ValueError):
        return ''
