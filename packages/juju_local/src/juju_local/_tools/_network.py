"""network-get: the addresses of a binding."""

from __future__ import annotations

from juju_local import _network
from juju_local._tools import _relation
from juju_local._tools._call import Call, FailureError, MisuseError
from juju_local._tools._tool import SMART, Flag, Tool

ASKED = ('bind-address', 'ingress-address', 'egress-subnets')


def _get(call: Call) -> object:
    if not call.arguments:
        raise MisuseError('no arguments specified')
    binding = call.arguments[0]
    if not binding:
        raise MisuseError('no binding name specified')
    if call.flags.get('relation'):
        _relation.relation_id(call)
    asked = [name for name in ASKED if call.switch(name)]
    if call.switch('primary-address') and asked:
        raise FailureError('--primary-address must be the only flag specified')
    if binding not in call.charm.endpoints and binding not in call.charm.extra_bindings:
        raise FailureError(f'no network config found for binding "{binding}"')
    return _answer(_info(call), asked, call.switch('primary-address'))


def _answer(info: dict[str, object], asked: list[str], primary: bool) -> object:
    bind = info['bind-addresses']
    ingress = info.get('ingress-addresses')
    first = bind[0]['addresses'][0]['address'] if isinstance(bind, list) and bind else ''
    answers = {
        'bind-address': first,
        'ingress-address': ingress[0] if isinstance(ingress, list) else first,
        'egress-subnets': info.get('egress-subnets', []),
    }
    if primary:
        return first
    if len(asked) == 1:
        return answers[asked[0]]
    return {name: answers[name] for name in asked} if asked else info


def _info(call: Call) -> dict[str, object]:
    machine = call.model.machines.get(call.unit.machine)
    if machine is None or not machine.address:
        return {'bind-addresses': []}
    address = machine.address
    mac = _network.mac(address)
    interface = {
        'mac-address': mac,
        'interface-name': 'eth0',
        'addresses': [{'hostname': '', 'address': address, 'cidr': _network.CIDR, 'value': address}],
        'macaddress': mac,
        'interfacename': 'eth0',
    }
    return {'bind-addresses': [interface], 'egress-subnets': [f'{address}/32'], 'ingress-addresses': [address]}


TOOLS = (
    Tool(
        'network-get',
        '[options] <binding-name> [--ingress-address] [--bind-address] [--egress-subnets]',
        'Get network config.',
        _get,
        (
            _relation.RELATION,
            Flag(('primary-address',), '(deprecated) get the primary address for the binding', True),
            Flag(('bind-address',), 'get the address for the binding on which the unit should listen', True),
            Flag(('ingress-address',), 'get the ingress address for the binding', True),
            Flag(('egress-subnets',), 'get the egress subnets for the binding', True),
        ),
        SMART,
        1,
    ),
)
