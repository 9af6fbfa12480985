"""The registration agent on the leader, and nowhere else; `charms.layer.hub_registration` tells how it is let in.

`hub-registration.access.available` is the including charm's to set, and lasts one hook.
"""

import json

from charmhelpers.core import hookenv, unitdata
from charms.layer.hub_registration import (
    ACCOUNT,
    KUBECONFIG,
    access,
    agent,
    bootstrap,
    cluster,
    membership,
    objects,
    seal,
    service,
    unit,
)
from charms.layer.hub_registration.access import OBJECTS, NoAccess, admin
from charms.layer.hub_registration.membership import ASKING, JOINED, LEAVING, LEFT, Membership
from charms.layer.kubernetes_common import api, files, kubeconfig, records
from charms.reactive import clear_flag, endpoint_from_flag, hook, is_flag_set, when, when_not

MEMBER = f'leadership.set.{membership.KEY}'
# hooks that look how far the join is; in the others it is as it was
LOOK = ('update-status', 'config-changed', 'leader-elected', 'leader-settings-changed', 'upgrade-charm', 'start')


@when(MEMBER, 'leadership.is_leader', 'hub-registration.access.available')
def keep_membership():
    """Bring cluster and agent to what the membership says; what fails is tried again by a later hook."""
    member = membership.read()
    if hookenv.hook_name() == 'stop':
        return
    try:
        if member.state == JOINED:
            _run(member)
        elif member.state == LEAVING:
            _leave(member)
    except cluster.NotYet as error:
        unit.problems['cluster'] = str(error)
        hookenv.log(str(error), hookenv.WARNING)
    except (api.Error, NoAccess) as error:
        unit.problems['cluster'] = f'this cluster does not answer as it should ({type(error).__name__})'
        hookenv.log(str(error), hookenv.WARNING)


def _run(before):
    """Have the agent run on this unit."""
    settings, app = unit.options().settings, hookenv.application_name()
    member = membership.renamed(before, settings.cluster_name)
    text = _bootstrap(member)
    if not text:
        unit.problems['operator'] = 'The bootstrap kubeconfig of the hub is lost: run the action join-hub again'
        return
    if member != before:
        membership.write(member)
    _make(app, settings, text, member.cluster)
    started = service.converge(agent.arguments(member.cluster, member.agent, settings), text)
    if started:
        hookenv.log(f'(re)started the registration agent of {member.cluster}')
        service.wait_until_up()
    if started or _looks():
        unit.keep_report(service.report(member.cluster, member.agent))
        if service.is_stopped():
            unit.problems['cluster'] = f'the registration agent does not run, see journalctl -u {agent.NAME}'


def _looks():
    """Tell whether this is a hook that may take its time for the hub."""
    return hookenv.hook_name() in LOOK or hookenv.hook_name().startswith('hub-registration-')


def _bootstrap(member):
    """Return the bootstrap kubeconfig in force: this unit's file, else what the last leader kept in the cluster."""
    for read in (lambda: files.read(agent.BOOTSTRAP), lambda: cluster.kept_bootstrap(admin())):
        text = read()
        if text and membership.digest(text) == member.bootstrap:
            return text
    return ''


def _make(app, settings, text, name):
    """Make account, rights, claims and the bootstrap secret: for each state they should be in, and what was lost."""
    rights = [placed.body for placed in objects.rights(app, settings)]
    texts = [membership.digest(each) for each in (text, access.text())]
    wanted = [rights, settings.claims, settings.is_on('ClusterClaim'), *texts]
    state = membership.digest(json.dumps(wanted, sort_keys=True))
    known = records.get(OBJECTS)
    is_made = isinstance(known, dict) and known.get('state') == state and files.read(KUBECONFIG)
    if not is_made or _looks():
        client, patience_s = admin(), cluster.PATIENCE_S if _looks() else 0.0
        records.put(OBJECTS, {'cluster': name})  # from here on there may be something to take away
        known = {'state': state, 'fault': cluster.converge(client, app, settings, patience_s), 'cluster': name}
        cluster.keep_bootstrap(client, app, text)
        token = cluster.token(client, app, patience_s)
        files.write(KUBECONFIG, kubeconfig.render(client.server, client.ca, ACCOUNT, token))
        records.put(OBJECTS, known)
    if known['fault']:
        unit.problems['operator'] = known['fault']


def _leave(member):
    """Take everything away, the agent first."""
    service.remove()
    cluster.leave(admin(), hookenv.application_name(), member.cluster)
    records.drop(OBJECTS)
    unit.keep_report(None)
    # while a hub is related, who left stays away until join-hub is run
    related = is_flag_set('hub-registration.connected')
    membership.write(Membership(LEFT, member.cluster, member.agent) if related else None)


@when('hub-registration.connected', 'leadership.is_leader')
def ask_hub():
    """Ask the hub that is a charm, and take its answer."""
    endpoint, member = endpoint_from_flag('hub-registration.connected'), membership.read()
    if not member.state:
        member = membership.begun(member, ASKING, unit.options().settings.cluster_name, 'relation')
        membership.write(member)
    if member.source != 'relation' or member.state not in (ASKING, JOINED):
        endpoint.withdraw()
        return
    name = unit.options().settings.cluster_name or member.cluster
    if not endpoint.is_asking(name) or not files.read(seal.KEY):
        endpoint.ask(name, seal.key(endpoint.new_key))
    sealed = membership.digest(endpoint.sealed(name))
    if unitdata.kv().get('hub-registration.sealed') == sealed:
        return
    text = endpoint.bootstrap(name, seal.key(endpoint.new_key))
    try:
        found = bootstrap.checked(text) if text else ''
    except bootstrap.Unusable as error:
        unit.problems['operator'] = f'The hub sent a bootstrap kubeconfig that cannot be used: {error}'
        return
    if found:
        files.write(agent.BOOTSTRAP, found)
        membership.write(membership.begun(member, JOINED, name, 'relation', membership.digest(found)))
        unitdata.kv().set('hub-registration.sealed', sealed)


@when('hub-registration.connected')
@when_not('leadership.is_leader')
def do_not_ask():
    """One unit speaks for the cluster."""
    endpoint_from_flag('hub-registration.connected').withdraw()


@when(MEMBER, 'leadership.is_leader')
@when_not('hub-registration.connected')
def hear_that_hub_went():
    """Leave when the relation that the membership came by is gone; not when only the hub's units are."""
    member, breaking = membership.read(), hookenv.hook_name() == 'hub-registration-relation-broken'
    left = [] if breaking else hookenv.relation_ids('hub-registration')
    if member.state == LEFT:
        membership.write(None)
    elif member.source == 'relation' and member.state in (ASKING, JOINED) and not left:
        membership.write(Membership(LEAVING, member.cluster, member.agent))


@when_not('leadership.is_leader')
def stand_by():
    """Another unit runs the agent."""
    _clear()


@when_not(MEMBER)
def rest():
    """This cluster has joined no hub; what a join that was broken off has made in it goes, too."""
    if membership.read().state:  # a handler of this hook has begun to
        return
    made = records.get(OBJECTS)
    if isinstance(made, dict) and is_flag_set('leadership.is_leader'):
        try:
            cluster.leave(admin(), hookenv.application_name(), made.get('cluster', ''))
        except (api.Error, NoAccess) as error:
            hookenv.log(f'what a join that was broken off has made stays for now: {error}', hookenv.WARNING)
            return
        records.drop(OBJECTS)
    _clear()


@hook('stop')
def stop():
    """Leave nothing running."""
    _clear()


def _clear():
    if service.is_here():
        service.remove()
        records.drop(OBJECTS)
        unit.keep_report(None)
        unitdata.kv().unset('hub-registration.sealed')


def forget():
    """Clear what lasts one hook."""
    clear_flag('hub-registration.access.available')


hookenv.atexit(forget)
