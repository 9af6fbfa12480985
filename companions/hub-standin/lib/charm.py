"""A hub: etcd, an API server, and `spoke hub-standin`. The wire of hub-registration is written here by hand."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from pathlib import Path

import hooktools

FOLDER = Path('/root/hub')
PYTHON = '/usr/lib/juju-local/python'  # juju-local's own, which has spoke
PORT = 6443
UNIT = """\
[Unit]
Description={name}, run by the hub-standin charm
After=network-online.target

[Service]
ExecStart={command}
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""
# what an administrator of the hub types on its machine: hub approve NAME, hub accept NAME, hub kubectl get ...
TOOL = f"""\
#!/bin/sh
# made by the charm hub-standin
set -e
verb=${{1:---help}}
[ $# = 0 ] || shift
case $verb in
-h|--help|help) echo 'usage: hub kubectl ... | hub accept|unaccept|approve|deny CLUSTER | hub fault [WORD ...]' ;;
kubectl) exec /snap/bin/kubectl --kubeconfig={FOLDER}/admin.kubeconfig "$@" ;;
*) exec {PYTHON} -m spoke hub-standin "$verb" "$@" --kubeconfig={FOLDER}/admin.kubeconfig ;;
esac
"""


def main() -> None:
    """Bring the unit to what config and relations say."""
    if hooktools.hook() == 'stop':
        hooktools.run(['systemctl', 'disable', '--now', *_services()])
        return
    config, address = hooktools.config(), hooktools.address('hub-registration')
    _install(str(config['channel']))
    _certificates(address)
    _files(address)
    marks = [_run(name, command) for name, command in _services(address, bool(config['auto-approve'])).items()]
    if not all(marks):
        hooktools.status('blocked', 'A service of the hub does not run, see journalctl')
        return
    _answer(bool(config['auto-approve']))
    hooktools.open_port(PORT)
    hooktools.status('active', 'A stand-in of a hub')


def _install(channel: str) -> None:
    for snap, wanted in (('etcd', '3.4/stable'), ('kube-apiserver', channel), ('kubectl', channel)):
        if Path('/snap', snap, 'current').exists():
            continue
        classic = [] if snap == 'kube-apiserver' else ['--classic']
        hooktools.run(['snap', 'install', snap, f'--channel={wanted}', *classic])
        for daemon in (f'snap.{snap}.{snap}.service', f'snap.{snap}.daemon.service'):
            if Path('/etc/systemd/system', daemon).exists():
                hooktools.run(['systemctl', 'disable', '--now', daemon])


def _certificates(address: str) -> None:
    """Make an authority and the API server's certificate, once."""
    if (FOLDER / 'server.crt').exists():
        return
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    make = ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', '-out', 'ca.crt']
    hooktools.write(FOLDER / 'server.ext', f'subjectAltName=IP:{address},IP:127.0.0.1,DNS:localhost\n')
    for command in (
        [*make, '-keyout', 'ca.key', '-subj', '/CN=hub', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
        ['openssl', 'req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'server.key', '-out', 'server.csr',
         '-subj', '/CN=hub'],
        ['openssl', 'x509', '-req', '-in', 'server.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial',
         '-days', '3650', '-extfile', 'server.ext', '-out', 'server.new'],
    ):  # fmt: skip
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True)
    (FOLDER / 'server.new').rename(FOLDER / 'server.crt')


def _files(address: str) -> None:
    tokens = hooktools.read(FOLDER / 'tokens.csv')
    if not tokens:
        rows = ((secrets.token_hex(16), 'admin', '"system:masters"'), (secrets.token_hex(16), 'bootstrap', ''))
        tokens = ''.join(f'{token},{user},{user},{group}\n' for token, user, group in rows).replace(',\n', '\n')
        hooktools.write(FOLDER / 'tokens.csv', tokens)
    for line in tokens.splitlines():
        token, user = line.split(',')[:2]
        where = address if user == 'bootstrap' else '127.0.0.1'
        hooktools.write(FOLDER / f'{user}.kubeconfig', _kubeconfig(f'https://{where}:{PORT}', user, token))
    # what `run-action kubernetes-master/0 join-hub --params` takes; JSON is YAML
    bootstrap = hooktools.read(FOLDER / 'bootstrap.kubeconfig')
    hooktools.write(FOLDER / 'join.yaml', json.dumps({'kubeconfig': bootstrap}, indent=1) + '\n')
    hooktools.write(Path('/usr/local/bin/hub'), TOOL, 0o755)


def _kubeconfig(server: str, user: str, token: str) -> str:
    ca = base64.b64encode((FOLDER / 'ca.crt').read_bytes()).decode()
    document = {
        'apiVersion': 'v1',
        'kind': 'Config',
        'clusters': [{'name': 'hub', 'cluster': {'server': server, 'certificate-authority-data': ca}}],
        'users': [{'name': user, 'user': {'token': token}}],
        'contexts': [{'name': user, 'context': {'cluster': 'hub', 'user': user}}],
        'current-context': user,
    }
    return json.dumps(document, indent=1) + '\n'


def _services(address: str = '', auto_approve: bool = False) -> dict[str, list[str]]:
    etcd, peers = 'http://127.0.0.1:2379', 'http://127.0.0.1:2380'
    return {
        'hub-etcd': [
            '/snap/bin/etcd', '--name=hub', f'--data-dir={FOLDER}/etcd',
            f'--listen-client-urls={etcd}', f'--advertise-client-urls={etcd}',
            f'--listen-peer-urls={peers}', f'--initial-advertise-peer-urls={peers}', f'--initial-cluster=hub={peers}',
        ],
        'hub-apiserver': [
            '/snap/bin/kube-apiserver', f'--etcd-servers={etcd}', f'--secure-port={PORT}',
            f'--advertise-address={address}', f'--tls-cert-file={FOLDER}/server.crt',
            f'--tls-private-key-file={FOLDER}/server.key', f'--client-ca-file={FOLDER}/ca.crt',
            f'--token-auth-file={FOLDER}/tokens.csv', '--authorization-mode=RBAC',
            '--service-cluster-ip-range=10.153.0.0/24', '--service-account-issuer=https://hub',
            f'--service-account-signing-key-file={FOLDER}/server.key',
            f'--service-account-key-file={FOLDER}/server.key',
            '--endpoint-reconciler-type=none', '--allow-privileged=true',
        ],
        'hub-standin': [
            PYTHON, '-m', 'spoke', 'hub-standin', 'run', f'--kubeconfig={FOLDER}/admin.kubeconfig',
            f'--ca-cert={FOLDER}/ca.crt', f'--ca-key={FOLDER}/ca.key', '--bootstrap-user=bootstrap',
            *(['--auto-approve'] if auto_approve else []),
        ],
    }  # fmt: skip


def _run(name: str, command: list[str]) -> bool:
    text = UNIT.format(name=name, command=' '.join(command))
    hooktools.write(Path(f'/etc/systemd/system/{name}.service'), text, 0o644)
    return hooktools.converge(f'{name}.service', [text], Path(f'/var/lib/hub-standin/{name}'))


def _answer(is_approved: bool) -> None:
    """Answer every cluster that asks, sealed to its key."""
    kubeconfig = hooktools.read(FOLDER / 'bootstrap.kubeconfig')
    for relation in hooktools.relation_ids('hub-registration'):
        before, answers = hooktools.mapping(hooktools.own_bag(relation).get('answers')), {}
        for unit in hooktools.relation_units(relation):
            bag = hooktools.relation_get(relation, unit)
            cluster, key = bag.get('cluster-name', ''), bag.get('public-key', '')
            if not cluster or not key:
                continue
            known = before.get(unit) or {}
            if (known.get('cluster'), known.get('key')) == (cluster, key):
                answers[unit] = {**known, 'approved': is_approved}
                continue
            script = str(Path(__file__).with_name('seal.py'))
            sealed = hooktools.run([PYTHON, script, key, cluster], stdin=kubeconfig).strip()
            answers[unit] = {'cluster': cluster, 'key': key, 'sealed': sealed, 'approved': is_approved}
        text = json.dumps(answers, sort_keys=True) if answers else ''
        hooktools.relation_set(relation, {'answers': text})
