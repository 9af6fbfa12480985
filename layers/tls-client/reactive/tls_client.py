"""Write what the authority issued."""

from charms.layer import tls_client
from charms.reactive import endpoint_from_flag, when, when_not


@when('certificates.available')
def save():
    """Write the authority's certificate and this unit's, when something came."""
    if tls_client.is_due():
        certificates = endpoint_from_flag('certificates.available')
        tls_client.save_ca(certificates)
        tls_client.save_certs(certificates)
        tls_client.seen()


@when_not('certificates.available')
def forget():
    """The authority is gone."""
    tls_client.forget()
