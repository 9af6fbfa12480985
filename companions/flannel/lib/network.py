"""Makes the pods' network of one machine, at each boot. Run as: network.py ADDRESS NETWORK [masquerade]

All machines lie in one network, and each asks for pods of others right there: a machine answers for its own pods (proxy
ARP), which it has a narrower route to. So nobody has to know who has which pods, and none is woken when one comes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SYSCTL = Path('/proc/sys/net/ipv4')


def interface(shown: str, address: str) -> str:
    """Return which interface has the address, '' if none; `shown` is what `ip -json address` prints."""
    for link in json.loads(shown):
        if any(entry.get('local') == address for entry in link.get('addr_info', [])):
            return str(link['ifname'])
    return ''


def sysctls(device: str) -> dict[str, str]:
    """Return what the kernel is to do; without the delay of 0 it answers for pods after up to a second."""
    return {'ip_forward': '1', f'conf/{device}/proxy_arp': '1', f'neigh/{device}/proxy_delay': '0'}


def masquerade(network: str) -> list[str]:
    """Return the rule by which pods reach others than pods under the machine's own address."""
    return ['POSTROUTING', '--source', network, '!', '--destination', network, '--jump', 'MASQUERADE']


def main(address: str, network: str, *options: str) -> None:
    device = interface(_run('ip', '-json', 'address', 'show'), address)
    if not device:
        sys.exit(f'no interface has the address {address}: the pod network {network} is not made')
    for name, value in sysctls(device).items():
        if (SYSCTL / name).exists():  # older kernels hide neigh/ in user namespaces: slower, and works
            (SYSCTL / name).write_text(value)
    _run('ip', 'route', 'replace', network, 'dev', device, 'scope', 'link', 'src', address)
    if 'masquerade' in options:
        nat = ['iptables', '--wait', '10', '--table', 'nat']
        if subprocess.run([*nat, '--check', *masquerade(network)], capture_output=True, check=False).returncode:
            _run(*nat, '--append', *masquerade(network))


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f'{" ".join(command)} ended with {done.returncode}: {done.stderr.strip()}')
    return done.stdout


if __name__ == '__main__':
    main(*sys.argv[1:])
