"""Options and actions of this charm that are accepted but do nothing yet."""

from __future__ import annotations

from collections.abc import Mapping

OPTIONS = (
    'apt-key-server',
    'cuda_repo',
    'default-backend-image',
    'docker-ce-package',
    'docker-logins',
    'docker-opts',
    'enable-cgroups',
    'http_proxy',
    'https_proxy',
    'ingress',
    'ingress-ssl-chain-completion',
    'nginx-image',
    'no_proxy',
    'nvidia-container-runtime-package',
    'nvidia-docker-package',
)
ACTIONS = ('microbot', 'registry')  # refuse, and say why
RUNTIMES = ('upstream', 'nvidia')  # values of docker_runtime


def in_use(config: Mapping[str, object], defaults: Mapping[str, object]) -> list[str]:
    """Return the options that the operator has changed to no effect."""
    idle = [name for name in OPTIONS if config.get(name) != defaults.get(name)]
    return idle + (['docker_runtime'] if config.get('docker_runtime') in RUNTIMES else [])
