"""Where the control plane's tokens may be seen, and where not."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.model import access, parties
from tests.model.cluster import MASTER, WORKER, Cluster
from tests.model.parties import act


class Watch(threading.Thread):
    """Notes the command lines of everything that runs on this machine, often."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            for process in Path('/proc').glob('[0-9]*'):
                try:
                    self.seen.add((process / 'cmdline').read_bytes())
                except OSError:
                    continue


def test_tokens_are_seen_nowhere_but_where_they_are_kept(cluster: Cluster, tmp_path: Path) -> None:
    leader = f'{MASTER}/0'
    watch = Watch()
    watch.start()
    act(cluster, 'deploy', str(parties.asker(tmp_path)))
    act(cluster, 'add-relation', f'{MASTER}:kube-control', 'asker:kube-control')
    act(cluster, 'run-action', leader, 'namespace-list', '--wait')
    watch.over.set()
    watch.join()
    tokens = {token for token in access.known(cluster) if len(token) == 32}
    assert len(tokens) == 3 * 3 + 3
    secrets = {token.encode() for token in tokens}
    told = [line.split(b'\0') for line in watch.seen if any(secret in line for secret in secrets)]
    # leader-set takes its values as arguments only: the one place where a process shows them
    assert not [line[:3] for line in told if not any(word.endswith(b'leader-set') for word in line[:4])]

    # what the operator reads, and all that juju-local and the services wrote down, since the first hook
    shown = [cluster.juju('--quiet', *verb) for verb in (('status', '--format', 'yaml'), ('operations',))]
    shown += [cluster.juju('debug-log', '--replay', '--level', 'TRACE')]
    shown += [path.read_text(errors='replace') for path in cluster.folder.glob('machines/*/console.log')]
    shown += [(cluster.folder / 'model.log').read_text(errors='replace')]
    assert not [text[:80] for text in shown if any(token in text for token in tokens)]

    for unit in (leader, f'{WORKER}/0'):
        places = access.files_with(cluster, unit, tokens)
        loud = [path for path in places if path.endswith('.log') or '/stand-in/' in path or path.startswith('/tmp')]
        assert not loud
        modes = cluster.shell(unit, f'stat -c "%a %n" {" ".join(places)}').splitlines()
        assert {line.split()[0] for line in modes} == {'600'}, modes
