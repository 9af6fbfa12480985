"""What the snap cdk-addons is told to deploy into the cluster. Computing only."""

from __future__ import annotations

from charms.layer.kubernetes_common.versions import Span, Version

from . import names
from .names import Network
from .settings import Settings

CORE_DNS = Span(first=(1, 14))  # before, the snap knows enable-kube-dns only
NVIDIA = Span(first=(1, 9))


def dns_provider(settings: Settings, version: Version) -> str:
    """Return core-dns, kube-dns or none."""
    if not settings.dns_enabled:
        return 'none'
    if settings.dns_provider != 'auto':
        return settings.dns_provider
    return 'core-dns' if version in CORE_DNS else 'kube-dns'


def fault(settings: Settings, version: Version) -> str:
    """Return why these options do not fit this version, '' if they do."""
    if settings.dns_provider == 'core-dns' and version not in CORE_DNS:
        return 'dns-provider: core-dns needs Kubernetes 1.14 or later'
    return ''


def arguments(settings: Settings, version: Version, network: Network, arch: str, gpu: bool) -> dict[str, str]:
    """Return the snap's options."""
    provider = dns_provider(settings, version)
    plugin = settings.enable_nvidia_plugin
    wanted = {
        'arch': arch,
        'dns-ip': names.dns_ip(network),
        'dns-domain': settings.dns_domain,
        'registry': settings.addons_registry or settings.image_registry,
        'enable-dashboard': _text(settings.enable_dashboard_addons),
        'enable-metrics': _text(settings.enable_metrics),
    }
    wanted |= {'dns-provider': provider} if version in CORE_DNS else {'enable-kube-dns': _text(provider != 'none')}
    if version in NVIDIA:
        wanted['enable-gpu'] = _text(gpu if plugin == 'auto' else plugin == 'true')
    return wanted


def _text(value: bool) -> str:
    return 'true' if value else 'false'
