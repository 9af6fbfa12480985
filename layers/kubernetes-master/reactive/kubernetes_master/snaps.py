"""The control plane's programs."""

from functools import lru_cache

from charmhelpers.core import hookenv
from charms.layer import status
from charms.layer.kubernetes_common import snaps
from charms.layer.kubernetes_master import daemons, unit
from charms.reactive import clear_flag, hook, is_flag_set, set_flag, toggle_flag, when, when_any, when_not

CLASSIC = ('kubectl',)
NAMES = ('kubectl', *daemons.NAMES, 'cdk-addons')


@hook('upgrade-charm')
def look_at_resources():
    """A new revision of the charm may bring other snaps."""
    set_flag('kubernetes-master.snaps.unchecked')


@when_not('kubernetes-master.snaps.installed')
def install_snaps():
    """Install everything once."""
    hookenv.log('Installing the snaps of the control plane')
    if _install(_sources()):
        set_flag('kubernetes-master.snaps.installed')


@when('kubernetes-master.snaps.installed')
@when_any(
    'config.changed.channel',
    'config.changed.require-manual-upgrade',
    'kubernetes-master.snaps.unchecked',
    'kubernetes-master.upgrade.requested',
)
def upgrade_snaps():
    """Bring the snaps to the channel or the resources, if the operator lets it happen by itself or asked for it."""
    sources = _sources()
    known = {name: snaps.installed_source(name) for name in sources}
    other = any(known[name] != snaps.source_of(*source) for name, source in sources.items())
    first = not all(known.values())  # of an earlier generation of the charm: nobody knows what they came from
    asked = first or is_flag_set('kubernetes-master.upgrade.requested')
    manual = unit.options().settings.require_manual_upgrade and not asked
    done = not other or (not manual and _install(sources))
    toggle_flag('kubernetes-master.upgrade.needed', other and manual)
    if done or manual:
        clear_flag('kubernetes-master.snaps.unchecked')
        clear_flag('kubernetes-master.upgrade.requested')


@lru_cache(maxsize=1)
def _sources():
    channel = unit.options().settings.channel
    return {name: (channel, snaps.resource_checksum(name)) for name in NAMES}


def _install(sources):
    """Install snaps from their sources; return whether all are there. What fails is tried again in the next hook."""
    for name, (channel, checksum) in sources.items():
        try:
            if not snaps.revision(name):
                status.maintenance(f'Installing {name} snap')
            snaps.install(name, channel, checksum, classic=name in CLASSIC)
        except snaps.Failed as error:
            unit.faults['snaps'] = str(error)
            hookenv.log(str(error), hookenv.ERROR)
            return False
    hookenv.application_version_set('.'.join(map(str, snaps.version(daemons.APISERVER))))
    return True
