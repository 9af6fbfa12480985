"""Credentials of the workers, handed out by the leader once its API server accepts them."""

import json

from charmhelpers.core import hookenv, unitdata
from charms import leadership
from charms.layer.kubernetes_common import api, files, records
from charms.layer.kubernetes_master import daemons, grants, unit
from charms.reactive import endpoint_from_flag, when, when_not

SIGNED = 'kubernetes-master.signed'


@when('kubernetes-master.control-plane.current', 'kube-control.connected', 'leadership.is_leader')
def hand_out_credentials():
    """Answer every request that was granted; the tokens are in leader data by now."""
    endpoint = endpoint_from_flag('kube-control.connected')
    text = files.read(daemons.TOKENS)
    holders = json.loads(leadership.leader_get('credential_holders') or '{}')
    all_anew = unitdata.kv().get(SIGNED) != unit.digest(text)
    wanted = endpoint.auth_user() if all_anew else endpoint.unsigned()
    granted = [(name, asked['user']) for name, asked in wanted if holders.get(asked['user']) == name]
    if granted and not _accepted(text, granted[-1][0]):
        return
    for name, user in granted:
        endpoint.sign_auth_request(name, user, *grants.credentials(text, name))
    if all_anew:
        unitdata.kv().set(SIGNED, unit.digest(text))


@when('kube-control.connected')
@when_not('leadership.is_leader')
def withdraw_credentials():
    """Only the leader's bag holds credentials: an old leader's would go stale, also what another revision left there.

    Our bags are read in each hook for the names of the cluster anyway, so looking costs nothing.
    """
    endpoint_from_flag('kube-control.connected').withdraw_credentials()
    if unitdata.kv().get(SIGNED):
        unitdata.kv().unset(SIGNED)


def _accepted(text, name):
    """Tell whether the API server knows this token file; asked once for each content, with one worker's own token."""
    if records.get('tokens-accepted') == unit.digest(text):
        return True
    kubelet = grants.credentials(text, name)[0]
    try:
        unit.client(kubelet).get('namespaces', 'default')
    except (api.Forbidden, api.NotFound):
        pass  # known, and that is all that matters here
    except api.Error as error:
        unit.faults['api'] = 'it does not accept new tokens yet'
        hookenv.log(f'no credentials handed out yet: {error}', hookenv.WARNING)
        return False
    records.put('tokens-accepted', unit.digest(text))
    return True
