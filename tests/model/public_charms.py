"""Public charms of the field, as far as kube-control goes: each writes what its generation writes, in its way.

Sources: the wire of the public charms of November 2018 (each value set at once), July 2019 (the whole own bag written
again at the end of a hook) and of 2022 and later (all data must be there before anything is used).
"""

from __future__ import annotations

from pathlib import Path

from tests.model import parties

PROLOGUE = """\
exec /usr/bin/python3 -IS - <<'END'
import json, os, socket, subprocess, sys
from pathlib import Path

def tool(*words, stdin=None):
    return subprocess.run(words, check=True, capture_output=True, text=True, input=stdin).stdout

def bag(relation, unit):
    return json.loads(tool('relation-get', '--format=json', '-r', relation, '-', unit)) or {}

def write(relation, values, everything=False):
    known = bag(relation, os.environ['JUJU_UNIT_NAME']) if everything else {}
    tool('relation-set', '-r', relation, '--file', '-', stdin=json.dumps({**known, **values}))

relations = tool('relation-ids', 'kube-control').split()
"""
# one admin and one kube-proxy token for the whole cluster; every worker is told of all users
MASTER = """\
if not json.loads(tool('config-get', '--format=json', 'answer')):
    sys.exit()
values = {'cluster-tag': 'kubernetes-' + 32 * 't'}
if EVERYTHING:
    values['registry-location'] = 'rocks.example:5000/cdk/'
if json.loads(tool('is-leader', '--format=json')):
    creds = {}
    for relation in relations:
        for unit in tool('relation-list', '-r', relation).split():
            user = bag(relation, unit).get('kubelet_user')
            if user and bag(relation, unit).get('auth_group'):
                tokens = {kind + '_token': APP + '-' + kind for kind in ('proxy', 'client')}
                creds[user] = {'scope': unit, 'kubelet_token': APP + '-' + user.rpartition(':')[2], **tokens}
    values |= {'port': '53', 'domain': 'cluster.local', 'sdn-ip': '10.152.183.10', 'enable-kube-dns': 'True'}
    values['creds'] = json.dumps(creds)
for relation in relations:
    write(relation, values, EVERYTHING)
END
"""
WORKER = """\
user = 'system:node:' + socket.gethostname()
asked = {'kubelet_user': user, 'auth_group': 'system:nodes', **ASKED}
NEEDED = [] if 'gpu' in ASKED else [
    'api-endpoints', 'cluster-tag', 'creds', 'default-cni', 'domain', 'enable-kube-dns', 'has-xcp', 'port',
    'registry-location',
]
for relation in relations:
    write(relation, asked, EVERYTHING)
    for unit in tool('relation-list', '-r', relation).split():
        told = bag(relation, unit)
        missing = [key for key in NEEDED if not told.get(key)]
        if missing:
            tool('status-set', 'waiting', 'not told: ' + ', '.join(missing))
            continue
        for key in NEEDED and ('api-endpoints', 'default-cni', 'has-xcp'):
            json.loads(told[key])
        has_dns = told.get('enable-kube-dns') == 'True' and told.get('sdn-ip')
        if has_dns and user in json.loads(told.get('creds') or '{}'):
            Path('/root/creds.json').write_text(told['creds'])
            tool('status-set', 'active', 'has ' + ', '.join(sorted(told)))
END
"""


def master(folder: Path, name: str, *, everything: bool) -> Path:
    """Write a control plane; `everything`: as the charms of 2019 did, else as those of 2018.

    Its tokens are NAME-HOST for kubelets, NAME-proxy and NAME-client. It is silent until its option `answer` is true.
    """
    script = PROLOGUE + MASTER.replace('EVERYTHING', str(everything)).replace('APP', repr(name))
    hooks = dict.fromkeys(('kube-control-relation-joined', 'kube-control-relation-changed', 'config-changed'), script)
    hooks['leader-elected'] = script
    place = parties.charm(folder, name, hooks, provides={'kube-control': {'interface': 'kube-control'}})
    (place / 'config.yaml').write_text('options: {answer: {type: boolean, default: false, description: speak}}\n')
    return place


def worker(folder: Path, name: str, *, everything: bool, **asked: str) -> Path:
    """Write a worker that asks, keeps the credentials it is told in /root/creds.json, and is active then.

    One that does not tell about a GPU is of 2022 or later: it wants all data of one master before it takes any.
    """
    script = PROLOGUE + WORKER.replace('EVERYTHING', str(everything)).replace('ASKED', repr(asked))
    hooks = dict.fromkeys(('kube-control-relation-joined', 'kube-control-relation-changed'), script)
    requires = {'kube-control': {'interface': 'kube-control'}}
    return parties.charm(folder, name, {'start': 'status-set waiting asking', **hooks}, requires=requires)
