"""A door: the options of the ingress."""

from __future__ import annotations

from charms.layer.kubernetes_common import options

from . import images, in_force
from .ingress import Settings


def read() -> tuple[Settings | None, list[options.Invalid]]:
    """Return the options, each with its last good value while it is bad, and what is wrong."""
    bad: list[options.Invalid] = []
    enabled = in_force.value('ingress', options.boolean, bad)
    controller = in_force.value('nginx-image', images.option, bad)
    backend = in_force.value('default-backend-image', images.option, bad)
    completion = in_force.value('ingress-ssl-chain-completion', options.boolean, bad)
    if enabled is None or controller is None or backend is None or completion is None:
        return None, bad
    return Settings(enabled, controller, backend, completion), bad
