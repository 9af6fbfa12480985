"""Configure snapd from the charm's options."""

from charmhelpers.core import hookenv
from charms.layer import snap
from charms.reactive import when


@when('config.changed.snap_proxy')
def configure_proxy():
    """Send snapd's traffic through the proxy of option snap_proxy."""
    proxy = hookenv.config('snap_proxy')
    if proxy or hookenv.config().previous('snap_proxy'):
        snap.set_all('system', {'proxy.http': proxy or None, 'proxy.https': proxy or None})
