"""Write what the authority issued."""

from charms.layer import tls_client
from charms.reactive import endpoint_from_flag, when, when_not


@when('certificates.ca.available')
def save_ca():
    """Write the authority's certificate."""
    tls_client.save_ca(endpoint_from_flag('certificates.ca.available'))


@when('certificates.certs.available')
def save_certs():
    """Write this unit's certificates."""
    tls_client.save_certs(endpoint_from_flag('certificates.certs.available'))


@when_not('certificates.available')
def forget():
    """The authority is gone."""
    tls_client.forget()
