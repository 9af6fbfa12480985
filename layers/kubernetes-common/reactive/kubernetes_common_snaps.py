"""The ways to the snap store, before anything is installed from it, and one refresh timer for all units."""

from charmhelpers.core import hookenv
from charms import leadership
from charms.layer.kubernetes_common import options, snap_access, snap_options, snaps
from charms.reactive import when

hookenv.atstart(snap_access.converge)


@when('leadership.is_leader')
def decide_refresh_timer():
    """Choose the refresh timer of all units, anew only for another setting: what `max` comes to depends on the day."""
    try:
        setting = snap_options.refresh_timer(hookenv.config())
    except options.Invalid:
        return  # the status tells
    if leadership.leader_get('snapd_refresh_setting') != (setting or 'none'):
        leadership.leader_set(snapd_refresh=snap_access.timer(setting), snapd_refresh_setting=setting or 'none')


@when('leadership.set.snapd_refresh_setting')
def follow_refresh_timer():
    """Use the leader's timer."""
    try:
        snap_access.converge_timer(leadership.leader_get('snapd_refresh') or '')
    except snaps.Failed as error:
        hookenv.log(str(error), hookenv.WARNING)
        snap_access.failures.append(str(error))
