"""The cluster joins a hub, is moved to another master, and leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import Real
from tests.model.cluster import MASTER, ROOT
from tests.model.hub import APISERVER, FOLDER, NAMESPACE, OURS, Hub, action, figure, own_token, remains

FIRST = f'{MASTER}/0'


@pytest.fixture
def hub(real: Real) -> Iterator[Hub]:
    """A stand-in of a hub, of real etcd and a real API server."""
    real.juju('deploy', str(ROOT / 'companions/hub-standin'), 'hub')
    real.juju('config', MASTER, 'hub-cluster-name=edge-7')
    yield Hub(real)
    real.juju('config', MASTER, '--reset', 'hub-cluster-name')
    real.juju('remove-application', 'hub')


@pytest.fixture
def second(real: Real, hub: Hub) -> Iterator[str]:
    """A second master, that leads by and by; it goes afterwards."""
    before = set(real.units())
    real.juju('add-unit', MASTER)
    (new,) = (name for name in set(real.units()) - before if name.startswith(f'{MASTER}/'))
    yield new
    real.juju('set-leader', MASTER, FIRST)
    real.juju('remove-unit', new)
    real.until_ready(2)


def test_a_join_is_approved_renewed_mended_moved_with_the_leader_and_ended(
    real: Real, hub: Hub, second: str, tmp_path: Path
) -> None:
    before, servers = remains(real), {unit: real.pid(unit, APISERVER) for unit in (FIRST, second)}
    hub.let_in(FIRST, tmp_path / 'join.yaml')
    available = hub.condition('ManagedClusterConditionAvailable', 'lastTransitionTime')

    certificate = real.digest(FIRST, f'{FOLDER}/hub/tls.crt')
    rotated = action(real, FIRST, 'rotate-hub-certificate')
    assert real.digest(FIRST, f'{FOLDER}/hub/tls.crt') != certificate
    said = real.shell(FIRST, f'openssl x509 -in {FOLDER}/hub/tls.crt -noout -serial')
    assert said == f'serial={rotated["certificate-serial"]}\n'
    assert figure(real, FIRST, 'spoke_lease_renewals_total{outcome="failed"}') == 0

    token = own_token(real, FIRST)
    real.kubectl('delete', 'serviceaccount,secret', '-n', NAMESPACE, '-l', OURS)
    real.juju('update-status', FIRST)
    assert own_token(real, FIRST) != token, 'made again by the next look'
    assert action(real, FIRST, 'hub-status')['step'] == 'joined'

    certificate, requests = real.digest(FIRST, f'{FOLDER}/hub/tls.crt'), hub.requests()
    real.juju('set-leader', MASTER, second)
    assert real.eventually(lambda: action(real, second, 'hub-status')['step'] == 'joined')
    assert real.shell(FIRST, f'ls {FOLDER} 2>&1', check=False).endswith('No such file or directory\n')
    assert (real.digest(second, f'{FOLDER}/hub/tls.crt'), hub.requests()) == (certificate, requests)
    renewed = hub.renewed()
    assert real.eventually(lambda: hub.renewed() > renewed)
    assert hub.condition('ManagedClusterConditionAvailable', 'lastTransitionTime') == available, 'seen without a gap'

    action(real, second, 'leave-hub')
    assert real.eventually(lambda: remains(real) == before), remains(real)
    assert {unit: real.pid(unit, APISERVER) for unit in (FIRST, second)} == servers, 'nothing was restarted'
