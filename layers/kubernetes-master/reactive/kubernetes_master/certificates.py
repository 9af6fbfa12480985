"""Certificates of the API server: what is asked of the authority."""

import socket

from charmhelpers.core import unitdata
from charms.layer import tls_client
from charms.layer.kubernetes_master import daemons, names, unit
from charms.reactive import when


@when('certificates.available')
def request_certificates():
    """Ask for the server certificate under all names of this unit, and for a client certificate towards kubelets."""
    settings = unit.options().settings
    private, public = unit.addresses()
    balancers = [pair['public-address'] for pair in unitdata.kv().get('kubernetes-master.load-balancers') or []]
    extra = [*settings.extra_sans, *settings.loadbalancer_ips, *balancers]
    wanted = names.sans([private, public], socket.gethostname(), unit.service_network(), settings.dns_domain, extra)
    tls_client.request_server_cert(public, wanted, *daemons.SERVER)
    tls_client.request_client_cert(daemons.CLIENT_NAME, None, *daemons.CLIENT)
