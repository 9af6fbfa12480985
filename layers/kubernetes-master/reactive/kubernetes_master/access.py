"""Ways into the cluster: the operator's kubeconfig, the API endpoint, the load balancer, the network subordinate."""

import pwd

from charmhelpers.core import hookenv, unitdata
from charms.layer.hub_registration import membership
from charms.layer.kubernetes_common import files, kubeconfig
from charms.layer.kubernetes_master import PORT, daemons, unit
from charms.reactive import clear_flag, endpoint_from_flag, is_flag_set, set_flag, when, when_not

BALANCERS = 'kubernetes-master.load-balancers'


@when('kubernetes-master.keys.current', 'tls_client.ca.saved')
def write_kubeconfig():
    """Write the administrator's kubeconfig for root, and for the operator to fetch with `juju scp`."""
    ca, token = files.read(daemons.CA), unit.admin_token()
    balancers = unitdata.kv().get(BALANCERS)
    public = _url(balancers[0]['public-address'], balancers[0]['port']) if balancers else _own_url()
    files.write('/root/.kube/config', kubeconfig.render(unit.client('').server, ca, 'admin', token))
    files.write('/home/ubuntu/config', kubeconfig.render(public, ca, 'admin', token), owner=_operator())


@when('kubernetes-master.control-plane.current', 'leadership.is_leader', f'leadership.set.{membership.KEY}')
def let_hub_agent_in():
    """Say that the cluster can be asked now to let the registration agent in, or to show it out."""
    set_flag('hub-registration.access.available')


@when('kube-api-endpoint.available', 'kubernetes-master.control-plane.current')
def tell_endpoint():
    """Tell load balancers and workers where this API server listens."""
    name = hookenv.hook_name()
    if is_flag_set('kubernetes-master.endpoint.told') and not name.startswith(('kube-api-endpoint-', 'config-changed')):
        return
    endpoint_from_flag('kube-api-endpoint.available').configure(PORT)
    set_flag('kubernetes-master.endpoint.told')


@when('kube-control.connected')
def tell_newer_workers():
    """Tell what a worker of 2022 or later wants to know before it takes anything else."""
    balancers = unitdata.kv().get(BALANCERS) or []
    urls = {_url(balancer['public-address'], balancer['port']) for balancer in balancers} or {_own_url()}
    control = endpoint_from_flag('kube-control.connected')
    control.set_extra(api_endpoints=sorted(urls), default_cni='', has_xcp=False)


@when('loadbalancer.available', 'endpoint.loadbalancer.changed')
def meet_load_balancer():
    """Remember where the cluster is reached from outside."""
    endpoint = endpoint_from_flag('loadbalancer.available')
    endpoint.set_backend_port(PORT)
    unitdata.kv().set(BALANCERS, endpoint.get_addresses_ports())
    clear_flag('endpoint.loadbalancer.changed')


@when_not('loadbalancer.available')
def forget_load_balancer():
    """The load balancer is gone: the cluster is reached at this unit."""
    if unitdata.kv().get(BALANCERS):
        unitdata.kv().unset(BALANCERS)


@when('cni.connected')
@when_not('cni.configured')
def configure_cni():
    """Tell the network subordinate that this is a master: it answers only then."""
    endpoint_from_flag('cni.connected').set_config(is_master=True)


def _own_url():
    return _url(unit.addresses()[1], PORT)


def _url(host, port):
    return f'https://[{host}]:{port}' if ':' in host else f'https://{host}:{port}'


def _operator():
    try:
        return pwd.getpwnam('ubuntu').pw_name
    except KeyError:
        return 'root'
