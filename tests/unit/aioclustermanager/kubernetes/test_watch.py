"""Watches, informers and waits, against a server that forgets, breaks off and restarts."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Client, Configuration, Event, Retries, _cache, resources, waits
from aioclustermanager.kubernetes.informer import Informer
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.aioclustermanager.scripted import (
    Request,
    Server,
    answer,
    eventually,
    lines,
    raw,
    reset,
    scripted,
    silence,
    status,
    too_late,
)

pytestmark = [pytest.mark.usefixtures('no_leaks')]
QUICK = Retries(attempts=1, first_s=0.001, longest_s=0.002)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('aioclustermanager.kubernetes._watch._PAUSES', QUICK)


def pod(name: str, version: int, uid: str = '', **more: Any) -> dict[str, Any]:
    meta = {'name': name, 'namespace': 'n', 'uid': uid or f'uid-{name}', 'resourceVersion': str(version)}
    return {'metadata': meta, **more}


def listed(version: int, *pods: dict[str, Any], more: str = '') -> Any:
    return answer(200, {'metadata': {'resourceVersion': str(version), 'continue': more}, 'items': list(pods)})


def told(kind: str, thing: dict[str, Any]) -> dict[str, Any]:
    return {'type': kind, 'object': thing}


def mark(version: int) -> dict[str, Any]:
    return told('BOOKMARK', {'metadata': {'resourceVersion': str(version)}})


GONE = told('ERROR', {'kind': 'Status', 'code': 410, 'reason': 'Expired', 'message': 'too old resource version'})


def client_of(server: Server) -> Client:
    return Client(Configuration(server.url, retries=QUICK))


async def seen(client: Client, count: int, **options: Any) -> list[tuple[str, str]]:
    """Return the first events, as (type, name@version)."""
    events = []
    async with aclosing(client.watch(resources.PODS, 'n', **options)) as watch:
        async for event in watch:
            meta = event.object['metadata']
            events.append((event.type, f'{meta.get("name", "")}@{meta["resourceVersion"]}'))
            if len(events) == count:
                break
    return events


def versions(server: Server) -> list[str]:
    """Return from where each watch asked to go on; '-' for a list."""
    return [
        request.target.split('resourceVersion=')[1].split('&')[0] if 'watch=true' in request.target else '-'
        for request in server.requests
    ]


@pytest.mark.asyncio
async def test_a_watch_tells_what_is_there_and_then_what_happens() -> None:
    script = [listed(5, pod('a', 3)), lines(told('ADDED', pod('b', 6)), told('DELETED', pod('a', 7)), end=False)]
    async with scripted(*script, last=silence) as server, client_of(server) as client:
        assert await seen(client, 3) == [('ADDED', 'a@3'), ('ADDED', 'b@6'), ('DELETED', 'a@7')]
        assert versions(server) == ['-', '5']
        assert 'allowWatchBookmarks=true' in server.requests[1].target


@pytest.mark.asyncio
@pytest.mark.parametrize(
    'fault', [reset, status(503, 'ServiceUnavailable'), status(429, 'TooManyRequests'), raw(close=True)]
)
async def test_a_watch_goes_on_after_the_last_event_it_saw(fault: Any) -> None:
    script = [
        listed(5), lines(told('ADDED', pod('a', 6)), end=False), fault, fault,
        lines(told('MODIFIED', pod('a', 8)), mark(20)), lines(told('MODIFIED', pod('a', 21)), end=False),
    ]  # fmt: skip
    async with scripted(*script, last=silence) as server, client_of(server) as client:
        assert await seen(client, 3) == [('ADDED', 'a@6'), ('MODIFIED', 'a@8'), ('MODIFIED', 'a@21')]
        assert (
            versions(server)[:2] == ['-', '5'] and set(versions(server)[2:-1]) == {'6'} and versions(server)[-1] == '20'
        )


@pytest.mark.asyncio
async def test_an_event_that_is_cut_off_is_told_once_and_whole() -> None:
    text = json.dumps(told('ADDED', pod('a', 6))).encode() + b'\n'
    head = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n' % len(text)
    script = [listed(5), raw(head, text[:30], close=True), lines(told('ADDED', pod('a', 6)), end=False)]
    async with scripted(*script, last=silence) as server, client_of(server) as client:
        assert await seen(client, 1) == [('ADDED', 'a@6')]
        assert versions(server) == ['-', '5', '5']


@pytest.mark.asyncio
@pytest.mark.parametrize('how', [lines(GONE), status(410, 'Gone')])
async def test_when_the_server_has_forgotten_the_difference_is_told(how: Any) -> None:
    script = [
        listed(5, pod('kept', 1), pod('changed', 2), pod('ended', 3), pod('replaced', 4)), how,
        listed(50, pod('kept', 1), pod('changed', 30), pod('new', 40), pod('replaced', 45, uid='another')),
        lines(told('DELETED', pod('new', 60)), end=False),
    ]  # fmt: skip
    async with scripted(*script, last=silence) as server, client_of(server) as client:
        events = await seen(client, 10)
        assert events[:4] == [
            ('ADDED', 'kept@1'),
            ('ADDED', 'changed@2'),
            ('ADDED', 'ended@3'),
            ('ADDED', 'replaced@4'),
        ]
        assert sorted(events[4:9]) == sorted(
            [
                ('MODIFIED', 'changed@30'), ('ADDED', 'new@40'), ('DELETED', 'replaced@4'), ('ADDED', 'replaced@45'),
                ('DELETED', 'ended@3'),
            ]
        )  # fmt: skip
        assert events.index(('DELETED', 'replaced@4')) < events.index(('ADDED', 'replaced@45'))
        assert events[9] == ('DELETED', 'new@60') and versions(server) == ['-', '5', '-', '50']


@pytest.mark.asyncio
async def test_a_watch_whose_list_the_server_forgets_half_way_lists_again() -> None:
    script = [listed(5, pod('a', 1), more='t'), status(410, 'Expired'), listed(9, pod('a', 1), pod('b', 8))]
    async with scripted(*script, last=silence) as server, client_of(server) as client:
        assert await seen(client, 2) == [('ADDED', 'a@1'), ('ADDED', 'b@8')]
        assert ['continue=' in request.target for request in server.requests[:3]] == [False, True, False]


@pytest.mark.asyncio
async def test_a_list_shows_one_moment_even_if_the_server_forgets_it_half_way() -> None:
    script = [listed(5, pod('a', 1), more='t'), listed(5, pod('b', 2), more='u'), status(410, 'Expired')]
    async with scripted(*script, listed(9, pod('a', 8))) as server, client_of(server) as client:
        found = await client.list(resources.PODS, 'n')
        assert [item['metadata']['resourceVersion'] for item in found['items']] == ['8']
        assert 'limit=' not in server.requests[3].target
    script = [listed(5, pod('a', 1), more='t'), listed(5, pod('b', 2))]
    async with scripted(*script) as server, client_of(server) as client:
        found = await client.list(resources.PODS, 'n')
        assert ([item['metadata']['name'] for item in found['items']], found['metadata']) == (
            ['a', 'b'],
            {'resourceVersion': '5'},
        )


@pytest.mark.asyncio
async def test_pages_go_on_at_a_later_moment_where_the_server_offers_it() -> None:
    expired = {'kind': 'Status', 'code': 410, 'reason': 'Expired', 'message': 'm', 'metadata': {'continue': 'later'}}
    script = [listed(5, pod('a', 1), more='t'), answer(410, expired), listed(9, pod('b', 8))]
    async with scripted(*script) as server, client_of(server) as client:
        assert [item['metadata']['name'] async for item in client.items(resources.PODS, 'n')] == ['a', 'b']
        assert 'continue=later' in server.requests[2].target
    async with (
        scripted(listed(5, pod('a', 1), more='t'), last=status(410, 'Expired')) as server,
        client_of(server) as client,
    ):
        with pytest.raises(kubernetes.Gone):
            [item async for item in client.items(resources.PODS, 'n')]


@pytest.mark.asyncio
async def test_a_watch_from_a_version_that_is_forgotten_says_so() -> None:
    async with scripted(lines(GONE)) as server, client_of(server) as client:
        with pytest.raises(kubernetes.Gone, match=r'too old resource version'):
            await seen(client, 1, since='3')


@pytest.mark.asyncio
async def test_a_watch_that_is_forbidden_says_so_at_once() -> None:
    async with scripted(last=status(403, 'Forbidden')) as server, client_of(server) as client:
        with pytest.raises(kubernetes.Forbidden):
            await seen(client, 1)


@pytest.mark.asyncio
async def test_a_watch_ends_at_its_deadline() -> None:
    async with scripted(listed(5), last=too_late) as server, client_of(server) as client:
        with pytest.raises(kubernetes.DeadlineExceeded), kubernetes.deadline(60):
            await seen(client, 1)


@pytest.mark.asyncio
async def test_a_wait_ends_when_the_object_is_as_it_should_be() -> None:
    ready = {'status': {'conditions': [{'type': 'Ready', 'status': 'True'}]}}
    script = [
        listed(5, pod('a', 3)),
        lines(told('MODIFIED', pod('a', 6)), told('MODIFIED', pod('a', 7, **ready)), end=False),
    ]
    async with scripted(*script, last=silence) as server, client_of(server) as client:
        found = await waits.until(client, resources.PODS, 'a', 'n', waits.condition('Ready'), timeout_s=10)
        assert found and found['metadata']['resourceVersion'] == '7'
        assert 'fieldSelector=metadata.name%3Da' in server.requests[0].target


@pytest.mark.asyncio
async def test_a_wait_for_an_end_ends_at_once_where_there_is_nothing() -> None:
    async with scripted(listed(5)) as server, client_of(server) as client:
        assert await waits.until(client, resources.PODS, 'a', 'n', waits.is_gone, timeout_s=10) is None


@pytest.mark.asyncio
async def test_a_wait_that_gives_up_says_what_it_saw_last() -> None:
    script = [listed(5, pod('a', 3, status={'phase': 'Pending'}))]
    async with scripted(*script, last=too_late) as server, client_of(server) as client:
        with pytest.raises(
            kubernetes.DeadlineExceeded, match=r'pods n/a: the time is over, and its status is .*Pending'
        ):
            await waits.until(client, resources.PODS, 'a', 'n', waits.is_gone, timeout_s=60)
    async with scripted(listed(5), last=too_late) as server, client_of(server) as client:
        with pytest.raises(kubernetes.DeadlineExceeded, match=r'pods n/a: the time is over, and there is none'):
            await waits.until(client, resources.PODS, 'a', 'n', waits.exists, timeout_s=60)


def rolled(generation: int, observed: int, **counts: int) -> dict[str, Any]:
    status = {'observedGeneration': observed, **counts}
    return {'metadata': {'generation': generation}, 'spec': {'replicas': 2}, 'status': status}


@pytest.mark.parametrize(
    ('there', 'done'),
    [
        (None, False),
        (rolled(2, 2, replicas=2, updatedReplicas=2, availableReplicas=2), True),
        (rolled(2, 1, replicas=2, updatedReplicas=2, availableReplicas=2), False),
        (rolled(2, 2, replicas=3, updatedReplicas=2, availableReplicas=2), False),
        (rolled(2, 2, replicas=2, updatedReplicas=1, availableReplicas=2), False),
        (rolled(2, 2, replicas=2, updatedReplicas=2, availableReplicas=1), False),
        (rolled(2, 2), False),
    ],
)
def test_a_roll_out_is_over_when_all_replicas_are_new_and_available(there: Any, done: bool) -> None:
    assert waits.is_rolled_out(there) is done


@pytest.mark.asyncio
async def test_an_informer_is_complete_when_it_begins_and_follows_then() -> None:
    script = [
        listed(5, pod('a', 3, spec={'nodeName': 'x'})),
        lines(told('MODIFIED', pod('a', 6, spec={'nodeName': 'y'}))),
    ]
    changes: list[tuple[Any, Any]] = []
    changed = asyncio.Event()

    async def note(change: _cache.Change) -> None:
        changes.append(tuple(part and part['metadata']['resourceVersion'] for part in change))
        if len(changes) == 2:
            changed.set()

    def broken(change: _cache.Change) -> None:
        raise LookupError('of the test')

    def node(item: Any) -> list[str]:
        return [item['spec']['nodeName']]

    async with (
        scripted(*script, last=silence) as server,
        client_of(server) as client,
        Informer(client, resources.PODS, 'n', handlers=(broken, note), indexes={'node': node}) as informer,
    ):
        assert [item['metadata']['name'] for item in informer.cache.by('node', 'x')] == ['a']
        await changed.wait()
        assert changes == [(None, '3'), ('3', '6')]
        assert informer.cache.by('node', 'x') == [] and len(informer.cache.by('node', 'y')) == 1


@pytest.mark.asyncio
async def test_an_informer_that_cannot_list_says_so_instead_of_beginning() -> None:
    async with scripted(last=status(403, 'Forbidden')) as server, client_of(server) as client:
        with pytest.raises(kubernetes.Forbidden):
            async with Informer(client, resources.PODS, 'n'):
                pass


@pytest.mark.asyncio
async def test_an_index_that_raises_is_no_secret() -> None:
    def broken(item: Any) -> list[str]:
        return [item['no such key']] if item['metadata']['name'] == 'bad' else []

    async with scripted(listed(5, pod('bad', 3)), last=silence) as server, client_of(server) as client:
        with pytest.raises(KeyError, match=r'no such key'):
            async with Informer(client, resources.PODS, 'n', indexes={'x': broken}):
                pass
    script = [listed(5), lines(told('ADDED', pod('bad', 6)), end=False)]
    async with scripted(*script, last=silence) as server, client_of(server) as client:
        with pytest.raises(KeyError, match=r'no such key'):
            async with Informer(client, resources.PODS, 'n', indexes={'x': broken}) as informer:
                await eventually(lambda: informer._tasks[0].done())


@pytest.mark.asyncio
async def test_an_informer_that_is_refused_later_lists_again_after_the_pauses_it_was_given() -> None:
    script = [listed(5), lines(GONE), status(403, 'Forbidden'), status(403, 'Forbidden'), listed(7, pod('a', 6))]
    short = Retries(first_s=0.001, longest_s=0.001)
    async with (
        scripted(*script, last=silence) as server,
        client_of(server) as client,
        Informer(client, resources.PODS, 'n', pauses=short) as informer,
    ):
        await eventually(lambda: informer.cache.get('a', 'n') is not None)


@pytest.mark.asyncio
@pytest.mark.parametrize('garbage', [{}, [], {'metadata': 1}, {'metadata': {'resourceVersion': '1'}, 'items': [5]}])
async def test_a_server_that_answers_a_list_with_something_else_is_none(garbage: Any) -> None:
    async with scripted(last=answer(200, garbage)) as server, client_of(server) as client:
        with pytest.raises(kubernetes.ConnectionFailed, match='no answer of an API server'):
            async with Informer(client, resources.PODS, 'n'):
                pass


@pytest.mark.asyncio
@pytest.mark.parametrize(
    'line', [{}, told('ADDED', {}), told('ADDED', {'metadata': {'resourceVersion': '2'}}), [1], 'x']
)
async def test_an_informer_goes_on_after_a_line_that_is_no_event(line: Any) -> None:
    short = Retries(first_s=0.001, longest_s=0.002)
    script = [listed(1, pod('a', 1)), lines(line), lines(told('ADDED', pod('b', 3)), end=False)]
    async with (
        scripted(*script, last=silence) as server,
        client_of(server) as client,
        Informer(client, resources.PODS, 'n', pauses=short) as informer,
    ):
        await eventually(lambda: len(informer.cache) == 2)


@pytest.mark.asyncio
async def test_an_answer_that_is_no_json_is_no_answer() -> None:
    async with scripted(last=answer(200, b'<html>')) as server, client_of(server) as client:
        with pytest.raises(kubernetes.ConnectionFailed, match=r'GET .*/pods/a: the answer is no JSON'):
            await client.get(resources.PODS, 'a', 'n')


@pytest.mark.asyncio
async def test_an_informer_hands_everything_over_again_when_told_to() -> None:
    again = asyncio.Event()

    def note(change: _cache.Change) -> None:
        if change.old is change.new:
            again.set()

    async with (
        scripted(listed(5, pod('a', 3)), last=silence) as server,
        client_of(server) as client,
        Informer(client, resources.PODS, 'n', handlers=(note,), resync_s=0.01),
    ):
        await again.wait()


STEPS = st.lists(
    st.tuples(st.sampled_from(['ADDED', 'MODIFIED', 'DELETED']), st.integers(0, 4), st.integers(0, 2)), max_size=30
)


@given(STEPS)
def test_a_cache_and_its_indexes_are_always_what_the_events_say(steps: list[tuple[str, int, int]]) -> None:
    cache = _cache.Cache({'place': lambda item: [item['place']]})
    model: dict[str, dict[str, Any]] = {}
    for version, (kind, number, place) in enumerate(steps):
        thing = pod(f'p{number}', version, place=str(place))
        before = model.get(f'p{number}')
        change = cache.apply(Event(kind, thing))
        if kind == 'DELETED':
            model.pop(f'p{number}', None)
            assert change == ((before, None) if before else None)
        else:
            model[f'p{number}'] = thing
            assert change == (before, thing)
        assert sorted(map(str, cache.all())) == sorted(map(str, model.values()))
        for value in '012':
            expected = [item for item in model.values() if item['place'] == value]
            assert sorted(map(str, cache.by('place', value))) == sorted(map(str, expected))


class _Store:
    """A server with a history, which it compacts, and which breaks off when it likes."""

    def __init__(self, choices: list[int]) -> None:
        self.choices, self.version, self.floor = iter(choices), 1, 0
        self.pods: dict[str, dict[str, Any]] = {}
        self.history: list[tuple[int, dict[str, Any]]] = []

    def chance(self) -> int:
        return next(self.choices, 0)

    def end(self) -> bool:
        """Make the last change of all, when nothing is left to choose."""
        if 'last' in self.pods or next(self.choices, None) is not None:
            return 'last' in self.pods
        self.version += 1
        self.pods['last'] = pod('last', self.version)
        self.history.append((self.version, told('ADDED', self.pods['last'])))
        return True

    def change(self) -> None:
        self.version += 1
        name, choice = f'p{self.chance() % 4}', self.chance() % 3
        if choice == 2 and name in self.pods:
            thing = {**self.pods.pop(name)}
            thing['metadata'] = {**thing['metadata'], 'resourceVersion': str(self.version)}
            self.history.append((self.version, told('DELETED', thing)))
        else:
            kind = 'MODIFIED' if name in self.pods else 'ADDED'
            uid = self.pods[name]['metadata']['uid'] if name in self.pods else f'uid-{self.version}'
            self.pods[name] = pod(name, self.version, uid)
            self.history.append((self.version, told(kind, self.pods[name])))

    async def serve(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if 'watch=true' not in request.target:
            await listed(self.version, *self.pods.values())(request, writer)
            return
        if not self.end():
            for _ in range(self.chance() % 4):
                self.change()
        since = int(request.target.split('resourceVersion=')[1].split('&')[0])
        if self.chance() % 5 == 4:
            self.floor = self.version
        if since < self.floor:
            await lines(GONE)(request, writer)
            return
        missed = [event for version, event in self.history if version > since]
        shown = missed[: self.chance() % (len(missed) + 1)] if self.chance() % 2 else missed
        await lines(*shown, end=len(shown) == len(missed))(request, writer)


async def _followed(store: _Store, client: Client) -> None:
    """Watch until all that the store has, its last change too, is known."""
    known: dict[str, str] = {}
    async with aclosing(client.watch(resources.PODS, 'n')) as watch:
        async for event in watch:
            meta = event.object['metadata']
            assert (event.type == 'ADDED') is (meta['name'] not in known), 'what is there is added once'
            if event.type == 'DELETED':
                del known[meta['name']]
            else:
                known[meta['name']] = meta['resourceVersion']
            now = {name: thing['metadata']['resourceVersion'] for name, thing in store.pods.items()}
            if 'last' in known and known == now:
                return


@settings(max_examples=40)
@given(st.lists(st.integers(0, 59), min_size=20, max_size=150))
def test_whatever_breaks_a_watcher_ends_up_knowing_what_the_server_knows(choices: list[int]) -> None:
    async def scenario() -> None:
        store = _Store(choices)
        async with scripted(last=store.serve) as server, client_of(server) as client:
            await asyncio.wait_for(_followed(store, client), 60)

    asyncio.run(scenario())
