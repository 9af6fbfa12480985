"""Certificates asked for and written, against an authority's endpoint with a memory."""

import json

import pytest

# stands for the interface layer: same names as interfaces/tls-certificates
INTERFACE = """
import json
from charms.reactive import Endpoint, toggle_flag

class Certificate:
    def __init__(self, common_name, cert, key):
        self.common_name, self.cert, self.key = common_name, cert, key

class Requirer(Endpoint):
    def _model(self): return json.load(open('../authority.json'))
    def _ask(self, kind, cn, sans):
        model = self._model()
        model['asked'].append([kind, cn, sans])
        json.dump(model, open('../authority.json', 'w'))
    def request_server_cert(self, cn, sans=None, cert_name=None): self._ask('server', cn, sans)
    def request_client_cert(self, cn, sans=None): self._ask('client', cn, sans)
    root_ca_cert = property(lambda self: self._model()['ca'])
    root_ca_chain = property(lambda self: self._model()['chain'])
    server_certs = property(lambda self: [Certificate(*c) for c in self._model()['server']])
    client_certs = property(lambda self: [Certificate(*c) for c in self._model()['client']])
"""
HANDLERS = """
import json, os
from pathlib import Path
from charms.layer import tls_client
from charmhelpers.core import hookenv
from charms.reactive import get_flags, set_flag, clear_flag, toggle_flag, hook, when

tls_client.TRUSTED = Path('../trusted').absolute()
model = json.load(open('../authority.json'))
place = lambda name: os.path.abspath('../' + name)
def situation():
    toggle_flag('certificates.available', model['related'])
    for kind in model['changed']:
        set_flag(f'certificates.{kind}.changed')
hookenv.atstart(situation)

@when('certificates.available')
def ask():
    tls_client.request_server_cert('10.0.0.1', ['b', 'a'], place('server.crt'), place('server.key'))
    tls_client.request_client_cert('system:kubelet', None, place('client.crt'), place('client.key'))

def tell():
    open('../flags', 'w').write(' '.join(f for f in get_flags() if f.startswith('tls_client')))
hookenv.atexit(tell)
"""
MODEL = {'related': True, 'changed': [], 'asked': [], 'ca': None, 'chain': None, 'server': [], 'client': []}
ISSUED = {
    'ca': 'CA',
    'changed': ['certs'],
    'server': [['10.0.0.1', 'SERVER', 'SERVER KEY']],
    'client': [['system:kubelet', 'CLIENT', 'CLIENT KEY']],
}


@pytest.fixture
def charm(assemble):
    charm = assemble('tls-client', handlers=HANDLERS, options='  tls-client: {}\n')
    charm.write('metadata.yaml', 'name: small\nrequires:\n  certificates: {interface: tls-certificates}\n')
    charm.write('hooks/relations/tls-certificates/requires.py', INTERFACE)
    charm.write('hooks/relations/tls-certificates/__init__.py', '')
    return charm


def run(charm, **changes):
    path = charm.directory.parent / 'authority.json'
    model = json.loads(path.read_text()) if path.exists() else MODEL
    path.write_text(json.dumps({**model, 'asked': [], 'changed': [], **changes}))
    charm.run()
    return json.loads(path.read_text())['asked'], (charm.directory.parent / 'flags').read_text().split()


def test_a_request_is_made_once_with_its_names_sorted(charm):
    assert run(charm)[0] == [['server', '10.0.0.1', ['a', 'b']], ['client', 'system:kubelet', None]]
    assert run(charm)[0] == []


def test_a_request_is_made_again_to_another_authority(charm):
    run(charm)
    run(charm, related=False)
    assert len(run(charm, related=True)[0]) == 2


def test_keys_are_written_for_their_owner_only(charm):
    run(charm)
    _, flags = run(charm, **ISSUED)
    above = charm.directory.parent
    assert (above / 'server.crt').read_text() == 'SERVER\n'
    assert (above / 'client.key').read_text() == 'CLIENT KEY\n'
    assert [(above / name).stat().st_mode & 0o777 for name in ('server.key', 'client.key')] == [0o600, 0o600]
    assert {'tls_client.ca.saved', 'tls_client.certs.saved', 'tls_client.certs.changed'} <= set(flags)
    assert (above / 'trusted/small.crt').read_text() == 'CA\n'


def test_half_of_the_answers_is_not_enough(charm):
    run(charm)
    _, flags = run(charm, **{**ISSUED, 'client': []})
    assert 'tls_client.server.certs.saved' in flags
    assert 'tls_client.certs.saved' not in flags


def test_a_lost_file_comes_back_and_a_new_certificate_replaces_the_old(charm):
    run(charm)
    run(charm, **ISSUED)
    (charm.directory.parent / 'server.crt').unlink()
    run(charm)
    assert (charm.directory.parent / 'server.crt').read_text() == 'SERVER\n'
    run(charm, changed=['certs'], chain='CHAIN', server=[['10.0.0.1', 'NEW', 'NEW KEY']])
    assert (charm.directory.parent / 'server.crt').read_text() == 'NEW\nCHAIN\n'


def test_without_an_authority_the_flags_go_and_the_files_stay(charm):
    run(charm)
    run(charm, **ISSUED)
    _, flags = run(charm, related=False)
    assert not [flag for flag in flags if flag.endswith('.saved')]
    assert (charm.directory.parent / 'server.key').exists()
