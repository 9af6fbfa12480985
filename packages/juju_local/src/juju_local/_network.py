"""The addresses of a model's network. Computing only; `_boot` does what is said here.

A model has one bridge, in a network namespace of its own; nothing of it is in the host's. All models may use the same
addresses, since nothing leaves the namespace.
"""

from __future__ import annotations

PREFIX = '10.87'
GATEWAY = f'{PREFIX}.0.1'
CIDR = f'{PREFIX}.0.0/16'
BEGIN, END = '# machines of the model, kept by juju-local', '# end of the machines'  # in /etc/hosts
PER_ROW = 200  # machines that share a third octet: 10.87.0.10 to 10.87.0.209, then 10.87.1.10 ...


def address(machine: str) -> str:
    """Return a machine's address, which depends on nothing but its number."""
    row, column = divmod(int(machine), PER_ROW)
    if row > 255:
        raise ValueError(f'machine {machine}: a model has room for {256 * PER_ROW} machines')
    return f'{PREFIX}.{row}.{column + 10}'


def switch_commands() -> list[str]:
    """Return what `ip` does in the switch: what leads out of the model is refused at once (no route)."""
    return [
        'link set lo up',
        'link add br0 type bridge',
        f'address add {GATEWAY}/16 dev br0',
        'link set br0 up',
        'route add unreachable default metric 1',
    ]


def mac(own: str) -> str:
    """Return the Ethernet address of the eth0 that has this address: locally administered, made from it."""
    return ':'.join(['02', '00', *(f'{int(part):02x}' for part in own.split('.'))]) if own else ''


def machine_commands(own: str) -> list[str]:
    """Return what `ip` does in a machine."""
    return [
        'link set lo up',
        f'link set eth0 address {mac(own)}',
        f'address add {own}/16 dev eth0',
        'link set eth0 up',
        f'route add default via {GATEWAY}',
    ]


def hosts(own_name: str, machines: dict[str, str]) -> str:
    """Return /etc/hosts of a machine; `machines` maps host names to addresses, its own among them."""
    lines = ['127.0.0.1 localhost', f'127.0.1.1 {own_name}'] if own_name not in machines else ['127.0.0.1 localhost']
    return '\n'.join([*lines, '::1 ip6-localhost ip6-loopback', *_block(machines), ''])


def merged_hosts(present: str, machines: dict[str, str]) -> str:
    """Return /etc/hosts with the model's machines as they are now; lines of others (a charm's) stay."""
    lines = present.splitlines()
    if BEGIN in lines and END in lines[lines.index(BEGIN) :]:
        first = lines.index(BEGIN)
        last = lines.index(END, first)
        return '\n'.join([*lines[:first], *_block(machines), *lines[last + 1 :], ''])
    return '\n'.join([*lines, *_block(machines), ''])


def _block(machines: dict[str, str]) -> list[str]:
    return [BEGIN, *(f'{address} {name}' for name, address in machines.items()), END]
