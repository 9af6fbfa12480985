"""`spoke status` before a join: whom it waits for when the hub cannot even be asked."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from spoke import _cli, _hub_standin

from tests.unit.spoke.world import FAST


def told(bootstrap: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    words = (*words, f'--hub-kubeconfig-dir={bootstrap.parent}/none', '--format=json')
    assert _cli.main(['status', f'--bootstrap-kubeconfig={bootstrap}', *words]) == 1
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ('token', 'cluster', 'waits_for'),
    [
        ('unknown-token', {}, 'another credential in PATH, which the hub does not know: '),
        ('nobody-token', {}, 'an administrator of the hub, to let the user of PATH ask: '),
        ('bootstrap-token', {'certificate-authority': 'OTHER'}, 'the right certificate authority in PATH, which does'),
        ('bootstrap-token', {'certificate-authority': '/none'}, 'a kubeconfig that can be used: '),
    ],
    ids=['unknown', 'forbidden', 'distrusted', 'unreadable'],
)
def test_it_names_what_has_to_be_mended(
    clusters: Any, tmp_path: Path, token: str, cluster: dict[str, str], waits_for: str, capsys: Any
) -> None:
    hub, other = clusters
    where = {key: str(other.authority.path) if value == 'OTHER' else value for key, value in cluster.items()}
    path = hub.kubeconfig(tmp_path / 'bootstrap', token, **where)
    found = told(path, capsys, '--spoke-cluster-name=edge-7')
    assert (found['cluster'], found['step']) == ('edge-7', 'bootstrap')
    assert found['waits-for'].startswith(waits_for.replace('PATH', str(path)))


def test_without_a_name_it_asks_for_the_name(tmp_path: Path, capsys: Any) -> None:
    assert told(tmp_path / 'bootstrap', capsys)['waits-for'].startswith('the name of the cluster: --spoke-cluster-name')


@pytest.mark.parametrize('option', ['spoke-kubeconfig', 'kubeconfig'])
def test_of_a_fleet_it_names_the_file_without_which_a_member_cannot_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    options = {'bootstrap-kubeconfig': f'{tmp_path}/none', 'hub-kubeconfig-dir': f'{tmp_path}/edge-7'}
    fleet = {'clusters': {'edge-7': {**options, option: f'{tmp_path}/lost'}}}
    (tmp_path / 'fleet.yaml').write_text(json.dumps(fleet))
    assert _cli.main(['status', f'--fleet={tmp_path}/fleet.yaml']) == 1
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith(f'edge-7  bootstrap   another {option}, without which no agent starts: ')
    assert f'{tmp_path}/lost' in line


@pytest.mark.asyncio
async def test_36_it_says_when_a_denied_request_is_asked_again_also_of_a_fleet(world: Any, capsys: Any) -> None:
    world.hub_runs()
    config = world.config(intervals=replace(FAST, denied_request_backoff=timedelta(minutes=2)))
    world.start(config)
    await world.until(lambda: _hub_standin.deny(world.hub, world.name))

    async def told() -> str:
        return str(config.options.health.notes.get('certificate', '').partition(' the next one at ')[2])

    at = (await world.until(told)).removesuffix(' UTC')
    name = (await world.requests())[0]['metadata']['name']
    files = {'bootstrap-kubeconfig': str(world.bootstrap), 'hub-kubeconfig-dir': str(world.dir)}
    flags = [f'--{key}={value}' for key, value in files.items()]
    (world.folder / 'fleet.yaml').write_text(json.dumps({'clusters': {world.name: files}}))

    async def said(*words: str) -> str:
        assert await asyncio.to_thread(_cli.main, ['status', *words]) == 1
        return str(capsys.readouterr().out)

    document = json.loads(await said(*flags, f'--spoke-cluster-name={world.name}', '--format=json'))
    moment = document['asks-again']
    assert moment[10:] == f'T{at}Z'
    assert (document['step'], document['request'], document['request-state']) == ('approval', name, 'denied')
    assert document['waits-for'] == f'the agent, to ask again at {moment}: the request {name} was denied'
    assert yaml.safe_load(await said(*flags, f'--spoke-cluster-name={world.name}', '--format=yaml')) == document
    text = await said(*flags, f'--spoke-cluster-name={world.name}')
    assert f'asks-again:    {moment}\n' in text and document['waits-for'] in text
    fleet = f'--fleet={world.folder}/fleet.yaml'
    assert document['waits-for'] in await said(fleet)
    assert json.loads(await said(fleet, '--format=json')) == {world.name: document}
    assert yaml.safe_load(await said(fleet, '--format=yaml')) == {world.name: document}
