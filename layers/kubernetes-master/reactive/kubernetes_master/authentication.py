"""Tokens, passwords and the key of service accounts: the leader decides them, leader data carries them to the others.

`kubernetes-master.keys.current` is set in each hook once the files of this unit are what they should be.
"""

import json
import subprocess

from charmhelpers.core import hookenv
from charms import leadership
from charms.layer.kubernetes_common import files, records
from charms.layer.kubernetes_master import daemons, grants, nodes, tokens, unit
from charms.reactive import endpoint_from_flag, set_flag, when, when_any, when_not

HOLDERS = 'credential_holders'
KEYS = (daemons.TOKENS, daemons.PASSWORDS, daemons.ACCOUNTS_KEY)
FORMER = ('hub-registration',)  # users of other revisions: a hub's agent has a service account now
USERS = (
    ('admin', 'admin', ('system:masters',)),
    ('system:kube-controller-manager', 'kube-controller-manager', ()),
    ('system:kube-scheduler', 'kube-scheduler', ()),
)


@when('leadership.is_leader')
def decide_keys():
    """Bring leader data and this unit's files up to date: leader data first, for whoever leads next."""
    before = json.loads(leadership.leader_get(HOLDERS) or '{}')
    decision = _decision(before)
    text = tokens.normal(_base(daemons.TOKENS))
    for user, uid, groups in USERS:
        text = tokens.ensure(text, user, uid, groups, unit.new_token)
    text = grants.apply(text, decision.holders, before, unit.new_token)
    text = tokens.drop(text, FORMER)
    wanted = {
        daemons.TOKENS: text,
        daemons.PASSWORDS: _passwords(tokens.normal(_base(daemons.PASSWORDS))),
        daemons.ACCOUNTS_KEY: _accounts_key(),
    }
    # Juju trims what it carries
    shared = {path: content.strip() for path, content in wanted.items()}
    leadership.leader_set(
        {
            **shared,
            HOLDERS: json.dumps(decision.holders, sort_keys=True),
            nodes.LEFT: nodes.left(leadership.leader_get(nodes.LEFT), before, decision.holders),
            nodes.LEFT_APPLICATIONS: nodes.applications_left(
                leadership.leader_get(nodes.LEFT_APPLICATIONS), before, decision.holders
            ),
        }
    )
    _write(wanted)


@when_any(*[f'leadership.set.{path}' for path in KEYS])
@when_not('leadership.is_leader')
def follow_keys():
    """Take over what the leader decided, once all of it is there."""
    shared = {path: leadership.leader_get(path) for path in KEYS}
    if all(shared.values()):
        _write({path: tokens.normal(content) for path, content in shared.items()})


def _decision(before):
    """Return who holds which credentials now."""
    endpoint = endpoint_from_flag('kube-control.connected') or endpoint_from_flag('kube-control.departed')
    if endpoint is None:
        return grants.decide([], before, _gone(set(before.values()), set()) if before else set())
    requests = [grants.Request(name, asked['user'], asked['group']) for name, asked in endpoint.auth_user()]
    gone = set()
    while departed := endpoint.flush_departed():
        gone.add(departed)
    missing = set(before.values()) - {request.unit for request in requests}
    decision = grants.decide(requests, before, gone | (_gone(missing, gone) if missing - gone else set()))
    for refusal in decision.refusals:
        hookenv.log(f'no credentials for {refusal.unit}: {refusal.reason}', hookenv.WARNING)
    unit.faults['refused'] = grants.message(decision.refusals)
    return decision


def _gone(missing, departed):
    """Return those of the missing units that are not in the model any more.

    Who left while another unit led is not among the departed; who has not been met yet by this unit is still there.
    """
    done = subprocess.run(['goal-state', '--format=json'], capture_output=True, text=True, check=False)
    try:
        goal = json.loads(done.stdout)['relations']
    except (ValueError, KeyError, TypeError):
        return set()
    return {name for name in missing - departed if name not in goal.get('kube-control', {})}


def _base(path):
    """Return what to start from: leader data, unless the operator edited the file since we wrote it."""
    shared, local = leadership.leader_get(path) or '', files.read(path)
    if not shared:
        return local
    edited = local and records.get(_record(path)) == unit.digest(tokens.normal(shared)) != unit.digest(local)
    return local if edited else shared


def _passwords(text):
    wanted = unit.options().settings.client_password
    found = tokens.find(text, 'admin')
    password = wanted or (found.token if found else unit.new_token())
    return tokens.put(text, tokens.Row(password, 'admin', 'admin', found.groups if found else ('system:masters',)))


def _accounts_key():
    """Return the key of service accounts: leader data's, whatever this unit has, or every pod would lose its access."""
    known = leadership.leader_get(daemons.ACCOUNTS_KEY) or files.read(daemons.ACCOUNTS_KEY)
    return tokens.normal(known) or _new_key()


def _new_key():
    return subprocess.run(['openssl', 'genrsa', '2048'], capture_output=True, text=True, check=True).stdout


def _write(wanted):
    for path, content in wanted.items():
        if files.write(path, content):
            hookenv.log(f'wrote {path}')
        if records.get(_record(path)) != unit.digest(content):
            records.put(_record(path), unit.digest(content))
    set_flag('kubernetes-master.keys.current')


def _record(path):
    return f'wrote{path.replace("/", "-")}'
