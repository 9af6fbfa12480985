"""The door to this unit's own API server, with an administrator's rights."""

from __future__ import annotations

from charms.layer import options as layer_options
from charms.layer.kubernetes_common import api, files

OBJECTS = 'hub-objects'  # record of what was made in the cluster


class NoAccess(Exception):
    """There is no administrator's kubeconfig on this unit yet."""


def text() -> str:
    """Return the kubeconfig that `admin` uses, '' if there is none yet. It is a secret."""
    return files.read(_path())


def admin(timeout_s: float = 10.0) -> api.Client:
    """Return a client. Raises NoAccess."""
    try:
        return api.Client.from_kubeconfig(_path(), timeout_s)
    except (FileNotFoundError, ValueError) as error:
        raise NoAccess(f'there is no way to the API server yet ({error}): wait until the unit is active') from error


def _path() -> str:
    return str(layer_options.get('hub-registration', 'admin-kubeconfig') or '/root/.kube/config')
