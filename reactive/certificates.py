"""The worker's server certificate."""

import socket

from charms.layer import tls_client
from charms.layer.kubernetes_worker import certificates, inputs, paths
from charms.reactive import when, when_not


@when('certificates.available', 'kube-control.connected')
@when_not('kubernetes-worker.unit.leaving')
def request_server_certificate():
    """Ask for a certificate for all names of this unit; asking for the same again changes nothing."""
    public = inputs.public_address()
    names = certificates.sans(public, inputs.ingress_address(), socket.gethostname(), inputs.node_name())
    tls_client.request_server_cert(public, sans=names, crt_path=paths.SERVER_CERTIFICATE, key_path=paths.SERVER_KEY)
