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
from spoke._cli import _status_verb

from tests.listening import listening
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


def fleet_of(folder: Path, number: int, port: int) -> str:
    """Write a fleet whose hub is at a port of this machine; returns the flag."""
    cluster = {'server': f'http://127.0.0.1:{port}'}
    document = {
        'clusters': [{'name': 'k', 'cluster': cluster}],
        'contexts': [{'name': 'c', 'context': {'cluster': 'k'}}],
    }
    (folder / 'bootstrap').write_text(json.dumps({**document, 'users': [], 'current-context': 'c'}))
    defaults = {
        'bootstrap-kubeconfig': f'{folder}/bootstrap', 'hub-kubeconfig-dir': f'{folder}/{{name}}',
        'hub-kubeconfig-secret': '{name}',
    }  # fmt: skip
    clusters: dict[str, object] = {f'edge-{each}': {} for each in range(number)}
    (folder / 'fleet.yaml').write_text(json.dumps({'defaults': defaults, 'clusters': clusters}))
    return f'--fleet={folder}/fleet.yaml'


@pytest.mark.asyncio
async def test_44_a_silent_hub_is_waited_for_with_a_few_clusters_of_a_fleet_not_with_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_status_verb, '_PATIENCE_S', 0.3)
    monkeypatch.setattr(_status_verb, '_SILENCE_S', 3600.0)
    asked = 0

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()

    async with listening(silent) as port:
        assert await asyncio.to_thread(_cli.main, ['status', fleet_of(tmp_path, 60, port)]) == 1
        assert asked <= _status_verb._AT_ONCE
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == '60 clusters: 60 bootstrap'
    assert all(line.partition(' bootstrap ')[2].strip().startswith('the hub: ') for line in lines[:-1])


def test_44_each_cluster_of_a_fleet_is_looked_at_before_one_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, found = list[str](), _status_verb._found

    async def counted(options: Any, common: Any, *more: Any) -> Any:
        looks.append(common.spoke_cluster_name)
        return await found(options, common, *more)

    monkeypatch.setattr(_status_verb, '_found', counted)
    monkeypatch.setattr(_status_verb, '_LOOK_S', 0.01)
    flag = fleet_of(tmp_path, 40, 9)  # where nobody listens
    assert _cli.main(['status', flag, '--for=joined', '--timeout=200ms']) == 1
    assert len(set(looks[:40])) == 40
    assert capsys.readouterr().out.splitlines()[-1] == '40 clusters: 40 bootstrap'
