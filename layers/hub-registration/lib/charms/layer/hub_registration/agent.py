"""The registration agent as a service: its command line, its unit, its configuration. Computing only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from . import FOLDER, KUBECONFIG, NAMESPACE
from .settings import Settings

NAME = 'hub-registration'  # of the systemd unit
PYTHON = '/usr/bin/python3'  # whose cryptography the series brings
PORT = 18443  # on the loopback only: health and figures
BOOTSTRAP = f'{FOLDER}/bootstrap.kubeconfig'
CONFIG = f'{FOLDER}/agent.yaml'
HUB = f'{FOLDER}/hub'  # where the agent keeps the hub's kubeconfig, certificate and key
BOOTSTRAP_SECRET = 'bootstrap-hub-kubeconfig'  # noqa: S105  (a name)
HUB_SECRET = 'hub-kubeconfig-secret'  # noqa: S105  (a name)
SEVERAL_HUBS = 'MultipleHubs'
TOKEN_SECRET = 'hub-registration-token'  # noqa: S105  (a name)
SECRETS = (BOOTSTRAP_SECRET, HUB_SECRET, f'{HUB_SECRET}-pending', TOKEN_SECRET)
# who is on this machine may read the figures; nobody else reaches them, and no secret is among them
CONFIGURATION = 'authentication: {disabled: true}\nauthorization: {disabled: true}\n'
_UNIT = """\
[Unit]
Description=Keeps this cluster registered with its hub
After=network-online.target
StartLimitIntervalSec=0

[Service]
Environment=PYTHONPATH={packages}
Environment=PYTHONDONTWRITEBYTECODE=1
ExecStart={command}
Restart=always
RestartSec=10
UMask=0077

[Install]
WantedBy=multi-user.target
"""


def names(cluster: str, agent_id: str) -> list[str]:
    """Return the flags that the agent and its status have in common."""
    return [
        f'--bootstrap-kubeconfig={BOOTSTRAP}',
        f'--hub-kubeconfig-dir={HUB}',
        f'--spoke-cluster-name={cluster}',
        f'--agent-id={agent_id}',
    ]


def arguments(cluster: str, agent_id: str, settings: Settings) -> list[str]:
    """Return all flags of the agent. One leader runs it, so that it needs no election; nothing probes its health."""
    gates = dict(settings.feature_gates or {})
    if gates.get('AllAlpha'):
        gates[SEVERAL_HUBS] = False  # it wants several bootstrap kubeconfigs, and this cluster has one
    found = names(cluster, agent_id)
    found += [f'--kubeconfig={KUBECONFIG}', f'--namespace={NAMESPACE}']
    found += ['--disable-leader-election', '--restart-in-place']
    found += [f'--listen=127.0.0.1:{PORT}', f'--config={CONFIG}']
    found += [f'--bootstrap-kubeconfig-secret={BOOTSTRAP_SECRET}', f'--hub-kubeconfig-secret={HUB_SECRET}']
    found += [f'--spoke-external-server-urls={url}' for url in settings.external_urls]
    found += [f'--cluster-annotations={key}={value}' for key, value in sorted((settings.annotations or {}).items())]
    if gates:
        found.append('--feature-gates=' + ','.join(f'{name}={str(on).lower()}' for name, on in sorted(gates.items())))
    return found + [f'--{name}={value}' for name, value in sorted((settings.extra_args or {}).items())]


def unit(packages: str, flags: Iterable[str]) -> str:
    """Return the systemd unit. `packages`: the folder of the charm's own Python packages."""
    command = [PYTHON, '-m', 'spoke', 'agent', *flags]
    return _UNIT.format(packages=packages, command=' '.join(map(_quoted, command)))


def figures(text: str) -> Mapping[str, float]:
    """Return Prometheus figures that have no labels."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(' ')
        if not line.startswith('#') and '{' not in name:
            try:
                found[name] = float(value)
            except ValueError:
                continue
    return found


def _quoted(word: str) -> str:
    """Return a word as systemd reads it back: it knows escapes, specifiers and variables."""
    escaped = word.replace('\\', '\\\\').replace('"', '\\"').replace('%', '%%').replace('$', '$$')
    return f'"{escaped}"' if escaped != word or any(blank in word for blank in " '\t;") else word
