"""The name under which this machine's node is known to Kubernetes. The one place that works it out."""

from __future__ import annotations

import socket


def name(cloud: str = '') -> str:
    """Return the node name in lower case, as kubelet registers it.

    Args:
        cloud: kubelet's cloud provider; under `aws` kubelet registers with the private DNS name.
    """
    hostname = socket.getfqdn() if cloud == 'aws' else socket.gethostname()
    return hostname.strip().lower()
