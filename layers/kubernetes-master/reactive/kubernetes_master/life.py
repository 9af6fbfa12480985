"""What happens once in a unit's life."""

from charms.layer.kubernetes_common import services, snaps
from charms.layer.kubernetes_master import daemons
from charms.reactive import clear_flag, hook, set_flag


@hook('stop')
def stop():
    """Leave nothing running."""
    set_flag('kubernetes-master.unit.stopped')
    for name in daemons.NAMES:
        services.stop(snaps.daemon(name))


@hook('upgrade-charm')
def look_again():
    """What this revision tells its neighbours may differ from what the last one did."""
    for flag in ('endpoint.told', 'etcd.saved'):
        clear_flag(f'kubernetes-master.{flag}')
