"""The door to the agent on this machine: its unit, its files, what it says of itself."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import files, services

from . import FOLDER, KUBECONFIG, agent, status

TIMEOUT_S = 60
_LOOK_S, _BEGIN_S, _PAUSE_S = 5.0, 10.0, 0.2


def converge(flags: list[str], kubeconfig: str) -> bool:
    """Have the agent run with these flags and this bootstrap kubeconfig; True if it was started anew."""
    packages, release = _packages()
    files.write(agent.BOOTSTRAP, kubeconfig)
    files.write(agent.CONFIG, agent.CONFIGURATION)
    text = agent.unit(packages, flags)
    services.define(agent.NAME, text)
    inputs = {'unit': text, 'bootstrap': kubeconfig, 'release': release, 'own': files.read(KUBECONFIG)}
    return services.converge(agent.NAME, inputs)


def is_here() -> bool:
    """Tell whether this machine has anything of the agent."""
    return Path(FOLDER).exists() or services.is_defined(agent.NAME)


def remove() -> None:
    """End the agent and take away its files, with every secret in them. May be done again."""
    if services.is_defined(agent.NAME):
        services.stop(agent.NAME)
        services.undefine(agent.NAME)
    shutil.rmtree(FOLDER, ignore_errors=True)


def report(cluster: str, agent_id: str) -> status.Report:
    """Ask the hub, as the agent does, how far the join is."""
    command = [agent.PYTHON, '-m', 'spoke', 'status', *agent.names(cluster, agent_id), '--format=json']
    environment = {**os.environ, 'PYTHONPATH': _packages()[0], 'PYTHONDONTWRITEBYTECODE': '1'}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        document = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        hookenv.log(f'the registration agent does not tell how far the join is: {error}', hookenv.WARNING)
        return status.Report(cluster)
    found = status.Report.of(document)
    return status.Report.of({**found.document(), 'unreachable_since': _since() if found.step == 'lost' else ''})


def wait_until_up() -> None:
    """Give an agent that was started time to begin: a look before that shows what was."""
    until = time.monotonic() + _BEGIN_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', agent.PORT), _LOOK_S):
            return
        time.sleep(_PAUSE_S)


def is_stopped() -> bool:
    return bool(services.inactive([agent.NAME]))


def _since() -> str:
    """Return when the hub last answered, '' where the agent does not tell."""
    moment = _figures().get('spoke_hub_last_contact_timestamp_seconds')
    return status.stamp(moment) if moment else ''


def _figures() -> Mapping[str, float]:
    """Return what the agent says of itself; nothing if it does not answer."""
    import ssl  # these are slow to import, and most hooks ask nobody
    import urllib.request

    context = ssl.create_default_context()  # its certificate is its own, made at its start; it is on this machine
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = f'https://127.0.0.1:{agent.PORT}/metrics'
    try:
        with urllib.request.urlopen(url, timeout=_LOOK_S, context=context) as answer:
            return agent.figures(answer.read().decode())
    except OSError:
        return {}


def _packages() -> tuple[str, str]:
    """Return the folder of the charm's own packages, and what tells one release of them from another."""
    found = importlib.util.find_spec('spoke')
    if found is None or found.origin is None:
        raise RuntimeError('the charm has no package spoke: its wheelhouse is not complete')
    folder = Path(found.origin).parents[1]
    marks = [path.name for name in ('spoke', 'aioclustermanager') for path in folder.glob(f'{name}-*.dist-info')]
    return str(folder), ' '.join(sorted(marks))
