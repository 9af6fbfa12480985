"""The charm's options, parsed; an invalid one keeps its last good value in force. Computing only."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from charms.layer.kubernetes_common import options, snap_options

from .names import Network

Config = Mapping[str, object]
MODES = ('AlwaysAllow', 'AlwaysDeny', 'ABAC', 'Node', 'RBAC', 'Webhook')
DOMAIN = re.compile(r'[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*', re.ASCII)


@dataclass(frozen=True)
class Settings:
    """What the operator wants, typed. Field names are the options', dashes as underscores."""

    channel: str
    require_manual_upgrade: bool
    service_cidr: Network
    dns_domain: str
    extra_sans: tuple[str, ...]
    allow_privileged: str  # auto, true or false
    authorization_mode: str
    storage_backend: str  # auto, etcd2 or etcd3
    audit_policy: dict[str, object]
    audit_webhook_config: dict[str, object]
    api_extra_args: dict[str, str]
    controller_manager_extra_args: dict[str, str]
    scheduler_extra_args: dict[str, str]
    enable_metrics: bool
    enable_dashboard_addons: bool
    enable_kube_dns: bool
    dns_provider: str
    addons_registry: str
    image_registry: str
    enable_nvidia_plugin: str
    client_password: str
    snapd_refresh: str
    loadbalancer_ips: tuple[str, ...]

    @property
    def dns_enabled(self) -> bool:
        return self.dns_provider != 'none' and (self.dns_provider != 'auto' or self.enable_kube_dns)


@dataclass(frozen=True)
class Reading:
    settings: Settings
    valid: dict[str, object]  # what was read, to fall back on
    faults: tuple[options.Invalid, ...]


def read(config: Config, last_good: Config, defaults: Config) -> Reading:
    """Parse every option; one that cannot be used counts as it last could, else as its default."""
    values: dict[str, Any] = {}
    valid: dict[str, object] = {}
    faults = []
    for field in fields(Settings):
        option = OPTION_NAMES.get(field.name, field.name.replace('_', '-'))
        parse = PARSERS[field.name]
        try:
            values[field.name] = parse(config, option)
            valid[option] = config.get(option)
        except options.Invalid as fault:
            faults.append(fault)
            fallback = last_good if option in last_good else defaults
            values[field.name] = parse(fallback, option)
            valid[option] = fallback.get(option)
    return Reading(Settings(**values), valid, tuple(faults))


def _words(config: Config, name: str) -> tuple[str, ...]:
    return tuple(options.text(config, name).replace(',', ' ').split())


def _sans(config: Config, name: str) -> tuple[str, ...]:
    words = _words(config, name)
    for word in words:
        if not re.fullmatch(r'[A-Za-z0-9.:*_-]+', word, re.ASCII):
            raise options.Invalid(name, f'{word[:40]!r} is neither a host name nor an address')
    return words


def _network(config: Config, name: str) -> Network:
    try:
        network = ipaddress.ip_network(options.text(config, name), strict=False)
    except ValueError as error:
        raise options.Invalid(name, 'expected a network such as 10.152.183.0/24') from error
    if network.num_addresses < 16:
        raise options.Invalid(name, f'{network} has no room for services')
    return network


def _domain(config: Config, name: str) -> str:
    value = options.text(config, name)
    if not DOMAIN.fullmatch(value):
        raise options.Invalid(name, f'{value[:40]!r} is no DNS domain')
    return value


def _modes(config: Config, name: str) -> str:
    words = _words(config, name)
    unknown = [word for word in words if word not in MODES]
    if not words or unknown:
        raise options.Invalid(
            name, f'expected a list of {", ".join(MODES)}, got {", ".join(unknown)[:60] or "nothing"}'
        )
    return ','.join(words)


def _password(config: Config, name: str) -> str:
    value = options.text(config, name)
    if '\n' in value:
        raise options.Invalid(name, 'a password has no line breaks')
    return value


def _choice(*choices: str) -> Callable[[Config, str], str]:
    return lambda config, name: options.choice(config, name, choices)


# fields whose option is spelt with an underscore
OPTION_NAMES = {name: name for name in ('dns_domain', 'extra_sans', 'client_password', 'snapd_refresh')}
PARSERS: dict[str, Callable[[Config, str], Any]] = {
    'channel': snap_options.channel,
    'require_manual_upgrade': options.boolean,
    'service_cidr': _network,
    'dns_domain': _domain,
    'extra_sans': _sans,
    'allow_privileged': _choice('auto', 'true', 'false'),
    'authorization_mode': _modes,
    'storage_backend': _choice('auto', 'etcd2', 'etcd3'),
    'audit_policy': options.mapping,
    'audit_webhook_config': options.mapping,
    'api_extra_args': options.arguments,
    'controller_manager_extra_args': options.arguments,
    'scheduler_extra_args': options.arguments,
    'enable_metrics': options.boolean,
    'enable_dashboard_addons': options.boolean,
    'enable_kube_dns': options.boolean,
    'dns_provider': _choice('auto', 'core-dns', 'kube-dns', 'none'),
    'addons_registry': options.text,
    'image_registry': options.text,
    'enable_nvidia_plugin': _choice('auto', 'true', 'false'),
    'client_password': _password,
    'snapd_refresh': snap_options.refresh_timer,
    'loadbalancer_ips': _sans,
}
