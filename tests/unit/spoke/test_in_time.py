"""Scenarios that take minutes and hours, in virtual time: how long something takes can be asserted here."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aioclustermanager.kubernetes import resources
from spoke import _certificates, _hub_standin, _wire
from spoke._names import Names
from spoke._running import together

from tests.unit.spoke.simulated.base import NAMESPACE, Base
from tests.unit.spoke.simulated.run import Run
from tests.unit.spoke.test_certificates import authority

_MINUTE = 60.0


class Story(Run):
    """A life without faults and deaths but those of its `told()`."""

    def __init__(self, folder: Path, base: Base) -> None:
        super().__init__(0, folder, base)
        self.life, self.lease_s, self.ahead = timedelta(hours=1), 60, timedelta()
        self.auto, self.may_die = True, False
        self.renewals: list[datetime] = []

    async def told(self) -> None:
        raise NotImplementedError

    async def _live_through_faults(self) -> None:
        await self.told()
        await self._until_joined()

    async def _administrate(self) -> None:
        await asyncio.Event().wait()

    def _hub_wrote(self, storage: str, namespace: str, name: str, obj: Any) -> None:
        super()._hub_wrote(storage, namespace, name, obj)
        if (storage, name) == ('leases', _wire.LEASE) and obj:
            self.renewals.append(self.now())

    # what is seen

    async def until(self, check: Any, within_s: float) -> float:
        """Wait until it is so; returns how long it took, in seconds of the simulation."""
        began = self.loop.time()
        while not check():
            assert self.loop.time() - began <= within_s, f'still not so after {within_s:g} s; {self.health.notes}'
            await asyncio.sleep(0.1)
        return self.loop.time() - began

    def has_joined(self) -> bool:
        return not self._not_joined()

    def requests(self) -> list[Any]:
        listed = self.hub.storage.objects('certificatesigningrequests')
        return sorted(listed, key=lambda each: str(each['metadata']['creationTimestamp']))

    def is_well(self) -> bool:
        return not (self.health.bootstrap.check() or self.health.certificate.check()) and not self.deaths

    async def spec(self, **changes: Any) -> None:
        await self.admin.patch(_wire.MANAGED_CLUSTERS, self.names.cluster, {'spec': changes})


Kind = TypeVar('Kind', bound=Story)


def lived(kind: type[Kind], folder: Path, base: Base, **settings: Any) -> Kind:
    run = kind(folder, base)
    for name, value in settings.items():
        setattr(run, name, value)
    run.go()
    return run


class AcceptedLate(Story):
    async def told(self) -> None:
        await self.until(lambda: self.requests(), 10)
        await _hub_standin.approve(self.admin, self.names.cluster, self.now())
        await self.until(self._certificate, 5)
        await asyncio.sleep(30 * _MINUTE)
        assert self.is_well()
        assert self.health.notes['accept'].startswith('acceptance of the cluster')
        await _hub_standin.accept(self.admin, self.names.cluster)
        await self.until(self.has_joined, 5)


def test_04_half_an_hour_after_the_approval_it_joins_within_five_seconds_of_the_acceptance(
    base: Base, tmp_path: Path
) -> None:
    run = lived(AcceptedLate, tmp_path, base, auto=False)
    assert len(run.requests()) == 1


class HubAway(Story):
    async def told(self) -> None:
        await self.until(self.has_joined, 10)
        self._down(self.hub, True)
        self.process.die()
        await self.until(lambda: self.deaths and 'hub' in self.health.notes, 3 * _MINUTE)
        assert 'cannot connect' in self.health.notes['hub'] and 'accept' not in self.health.notes
        self._down(self.hub, False)
        await self.until(lambda: 'hub' not in self.health.notes, 15)


def test_25_whom_a_hub_that_is_away_at_the_start_keeps_waiting_says_so(base: Base, tmp_path: Path) -> None:
    lived(HubAway, tmp_path, base)


class ApprovedLate(Story):
    async def told(self) -> None:
        await self.until(lambda: self.requests(), 10)
        await _hub_standin.accept(self.admin, self.names.cluster)
        await asyncio.sleep(10 * _MINUTE)
        assert self.is_well()
        await _hub_standin.approve(self.admin, self.names.cluster, self.now())
        await self.until(self.has_joined, 5)


def test_03_ten_minutes_after_the_acceptance_it_joins_with_the_request_that_is_approved_then(
    base: Base, tmp_path: Path
) -> None:
    run = lived(ApprovedLate, tmp_path, base, auto=False)
    assert len(run.requests()) == 1


class Quiet(Story):
    async def told(self) -> None:
        await self.until(self.has_joined, 10)
        await asyncio.sleep(_MINUTE)
        began = self.loop.time()
        await asyncio.sleep(10 * _MINUTE)
        written = [what for at, _, user, what in self.trace if at > began and not what.startswith('GET')]
        assert {what.split(' ')[0] for what in written} == {'PUT'}
        assert all(f'/namespaces/{self.names.cluster}/leases/' in what for what in written), written


def test_12_without_news_nothing_is_written_but_the_lease(base: Base, tmp_path: Path) -> None:
    lived(Quiet, tmp_path, base)


class LeaseDurations(Story):
    async def told(self) -> None:
        await self.until(self.has_joined, 10)
        await self._are_between(60, 75)
        for told, least, most in ((5, 5, 6.25), (0, 60, 75)):
            await self.spec(leaseDurationSeconds=told)
            await asyncio.sleep(2)
            await self._are_between(least, most)

    async def _are_between(self, least: float, most: float) -> None:
        self.renewals.clear()
        await asyncio.sleep(6 * most)
        pairs = zip(self.renewals, self.renewals[1:], strict=False)
        gaps = [(after - before).total_seconds() for before, after in pairs]
        assert len(gaps) >= 4
        assert least <= min(gaps)
        assert max(gaps) <= most + 0.1  # the call itself


def test_15_renewals_are_apart_by_the_duration_and_up_to_a_quarter_more_whatever_it_is_changed_to(
    base: Base, tmp_path: Path
) -> None:
    lived(LeaseDurations, tmp_path, base)


class Deleted(Story):
    async def told(self) -> None:
        await self.until(self.has_joined, 10)
        await self.admin.delete(_wire.MANAGED_CLUSTERS, self.names.cluster)
        await self.until(lambda: not self._cluster(), 5)
        await self.until(self._cluster, _MINUTE)
        await _hub_standin.accept(self.admin, self.names.cluster)

    def _cluster(self) -> Any:
        return self.hub.storage.get('managedclusters.cluster.open-cluster-management.io', '', self.names.cluster)


def test_17_a_deleted_cluster_is_there_again_within_a_minute(base: Base, tmp_path: Path) -> None:
    lived(Deleted, tmp_path, base)


class Rotated(Story):
    shares: tuple[float, ...] = ()

    async def told(self) -> None:
        await self.until(self.has_joined, 10)
        for _ in range(4):
            before = self._certificate()
            chain, count = _certificates.chain(before), len(self.requests())
            await self.until(lambda chain=chain: self._connections_of(chain), 5)
            await self.until(lambda count=count: len(self.requests()) > count, chain.life.total_seconds())
            self.shares += (1 - (chain.ends - self.now()) / chain.life,)
            await self.until(lambda before=before: self._certificate() != before, 5)
            await self.until(lambda chain=chain: not self._connections_of(chain), 1)

    def _connections_of(self, chain: _certificates.Chain) -> int:
        """Return how many are open on which the agent showed this certificate."""
        ends = [end.peer.get_extra_info('identity') for end in self.process.ends if not end.lost]
        return sum(getattr(each, 'ends', None) == chain.ends for each in ends)


@pytest.mark.parametrize('minutes', [5, pytest.param(60, marks=pytest.mark.slow)])
def test_18_a_certificate_is_rotated_between_75_and_80_percent_of_its_life_however_short_that_is(
    base: Base, tmp_path: Path, minutes: int
) -> None:
    run = lived(Rotated, tmp_path, base, life=timedelta(minutes=minutes))
    assert min(run.shares) > 0.745
    assert max(run.shares) < 0.805
    assert run.worst_gap_s < 1.25 * 60 + 5, 'there was a gap in the lease'


class Crowd(Story):
    """Many agents of one hub."""

    def __init__(self, folder: Path, base: Base) -> None:
        super().__init__(folder, base)
        self.crowd = [Names(f'edge-{number}', 'b2c4d') for number in range(16)]

    async def _agent(self) -> None:
        await together(
            *(self._agent_of(each, self.folder / each.cluster, f'hub-{each.cluster}') for each in self.crowd)
        )

    async def told(self) -> None:
        await self.until(lambda: len(self._renewing()) == len(self.crowd), 60)
        self._down(self.hub, True)
        await asyncio.sleep(_MINUTE)
        self._down(self.hub, False)
        back = self.loop.time()
        first: dict[str, float] = {}
        await asyncio.sleep(10)
        for at, server, user, _ in self.trace:
            if server == 'hub' and at >= back and user.startswith('system:'):
                first.setdefault(user, at - back)
        assert len(first) == len(self.crowd), 'not all were there again within ten seconds'
        together = Counter(round(10 * at) for at in first.values())
        assert max(together.values()) <= len(self.crowd) / 4, f'a herd: {sorted(first.values())}'

    async def _live_through_faults(self) -> None:
        await self.told()
        self._not_joined = lambda: ''  # it looks at one agent

    def _told(self, server: str, user: str, request: str) -> None:
        self.trace.append((self.loop.time(), server, user, request))

    def _hub_wrote(self, *_: Any) -> None:
        pass  # what is promised of one agent

    def _renewing(self) -> set[str]:
        return {user for _, _, user, what in self.trace if what.startswith('PUT') and what.endswith(_wire.LEASE)}


def test_26_after_an_outage_many_agents_come_back_one_after_the_other(base: Base, tmp_path: Path) -> None:
    lived(Crowd, tmp_path, base)


class Outages(Story):
    async def told(self) -> None:
        await self.until(self.has_joined, 10)
        for minutes in (2, 3, 4, 5):
            count = len(self.renewals)
            await self.until(lambda count=count: len(self.renewals) > count, 80)
            await asyncio.sleep(58)  # the next one is due
            self.worst_gap_s = 0.0
            self._down(self.hub, True)
            self._forgets(self.hub)
            await asyncio.sleep(minutes * _MINUTE)
            self._down(self.hub, False)
            await asyncio.sleep(2 * _MINUTE)
            assert self.worst_gap_s <= minutes * _MINUTE + 75 + 12  # the longest pause between two tries


def test_26_outages_leave_gaps_in_the_lease_of_their_length_and_one_interval_at_most(
    base: Base, tmp_path: Path
) -> None:
    run = lived(Outages, tmp_path, base)
    assert len(run.requests()) == 1


class LateLease(Story):
    async def told(self) -> None:
        async def not_yet(_: Any) -> None:
            return

        self.standin._lease, made = not_yet, self.standin._lease
        await self.until(lambda: self.health and 'lease' in self.health.notes, 10)
        await asyncio.sleep(5 * _MINUTE)
        assert not self.renewals
        self.standin._lease = made
        await self.until(lambda: len(self.renewals) > 1, 3 * _MINUTE)
        theirs, ours = self.renewals[:2]
        assert ours - theirs < timedelta(seconds=10.1)


def test_a_lease_that_the_hub_makes_late_is_renewed_within_ten_seconds(base: Base, tmp_path: Path) -> None:
    lived(LateLease, tmp_path, base)


class BadCredential(Story):
    async def told(self) -> None:
        self._bootstrap('no-token')
        await asyncio.sleep(30 * _MINUTE)
        assert self.is_well()
        assert 'bootstrap' in self.health.notes
        assert self.requests() == []
        self._bootstrap('bootstrap-token')
        await self.until(self.has_joined, 5)


class Refused(Story):
    """The credential is in the kubeconfig, the authorities are in a file that this names."""

    def _bootstrap(self, token: str, ca_file: str = '') -> None:
        self.authorities = self.folder / 'ca.crt'
        self.authorities.write_bytes(self.hub.ca if token == 'no-token' else authority().pem)
        super()._bootstrap(token, str(self.authorities))

    async def told(self) -> None:
        self._bootstrap('no-token')
        await asyncio.sleep(10)
        before = len(self.process.ends)
        await asyncio.sleep(10 * _MINUTE)
        assert len(self.process.ends) - before < 5, 'it connects again and again'
        self._bootstrap('bootstrap-token')
        await self.until(lambda: 'verify failed' in self.health.notes.get('bootstrap', ''), 10)
        await asyncio.sleep(_MINUTE)
        self.authorities.write_bytes(self.hub.ca + b'\n')
        await self.until(self.has_joined, 5)


def test_35_a_credential_that_is_refused_is_tried_on_one_connection_and_any_file_of_it_may_be_mended(
    base: Base, tmp_path: Path
) -> None:
    lived(Refused, tmp_path, base)


class NoFolder(Story):
    async def told(self) -> None:
        self._dir.write_text('in the way')
        await self.until(lambda: self.health and 'files' in self.health.notes, 10)
        await asyncio.sleep(10 * _MINUTE)
        assert self.is_well()
        self._dir.unlink()
        await self.until(self.has_joined, 10)
        assert 'files' not in self.health.notes
        self.process.die()
        await self.until(lambda: self.deaths, 10)
        self._dir.rename(self.folder / 'elsewhere')
        self._dir.write_text('in the way')
        before = self.health
        await self.until(lambda: self.health is not before and 'files' in self.health.notes, 2 * _MINUTE)
        await asyncio.sleep(_MINUTE)
        self._dir.unlink()
        await self.until(self.has_joined, 10)


def test_a_folder_that_cannot_be_written_is_said_and_loses_no_certificate(base: Base, tmp_path: Path) -> None:
    run = lived(NoFolder, tmp_path, base)
    assert len(run.requests()) == 1


OF_ANOTHER_SHAPE = ('', '[1]', 'clusters: 5', 'clusters: [{name: k, cluster: 5}]', 'users: [3]', '\0')


class Misshapen(Story):
    async def told(self) -> None:
        for text in OF_ANOTHER_SHAPE:
            await self.until(self.has_joined, 10)
            (self._dir / 'kubeconfig').write_text(text)
            self.seen.add(text.encode())
            await self._started_anew()
        count = len(self.requests())
        for text in OF_ANOTHER_SHAPE:
            await self.until(self.has_joined, 10)
            (self.folder / 'bootstrap.kubeconfig').write_text(text)
            await self._started_anew()
        assert len(self.requests()) == count

    async def _started_anew(self) -> None:
        first = self.agent
        self.process.die()
        await self.until(lambda: self.agent is not first, 2 * _MINUTE)


def test_30_a_kubeconfig_of_another_shape_is_no_end_of_an_agent(base: Base, tmp_path: Path) -> None:
    lived(Misshapen, tmp_path, base)


class NotNeeded(Story):
    async def told(self) -> None:
        await self.until(self.has_joined, 10)
        self._bootstrap('no-token')
        first = self.agent
        self.process.die()
        await self.until(lambda: self.agent is not first and self.agent.phase == 'main', 2 * _MINUTE)
        await asyncio.sleep(_MINUTE)
        assert 'bootstrap' not in self.health.notes
        await self.admin.delete(_wire.MANAGED_CLUSTERS, self.names.cluster)
        await self.until(lambda: 'bootstrap' in self.health.notes, _MINUTE)
        self._bootstrap('bootstrap-token')
        await self.until(self._cluster, 2 * _MINUTE)
        assert 'bootstrap' not in self.health.notes
        await _hub_standin.accept(self.admin, self.names.cluster)


def test_35_a_bad_bootstrap_credential_is_nothing_to_wait_for_where_the_certificate_is_good(
    base: Base, tmp_path: Path
) -> None:
    lived(NotNeeded, tmp_path, base)


@pytest.mark.slow
def test_35_with_a_bad_credential_it_stays_and_joins_within_five_seconds_of_its_mending(
    base: Base, tmp_path: Path
) -> None:
    lived(BadCredential, tmp_path, base)


class Denied(Story):
    notes: list[str]

    async def told(self) -> None:
        for count in (1, 2, 3):
            await self.until(lambda count=count: len(self.requests()) == count, 10 * _MINUTE)
            await _hub_standin.deny(self.admin, self.names.cluster, self.now())
            await self.until(lambda: 'was denied' in self.health.notes['certificate'], 1)
            self.notes.append(self.health.notes['certificate'])
        await asyncio.sleep(5 * _MINUTE)
        assert len(self.requests()) == 3
        await self.until(lambda: len(self.requests()) == 4, 10 * _MINUTE)
        await _hub_standin.accept(self.admin, self.names.cluster)
        await _hub_standin.approve(self.admin, self.names.cluster, self.now())


def test_36_one_who_denies_thrice_is_asked_again_after_two_minutes_then_four_then_eight(
    base: Base, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run = lived(Denied, tmp_path, base, auto=False, notes=[])
    assert [caplog.text.count(f'hub certificate of edge-7 waits: {note}\n') for note in run.notes] == [1, 1, 1]
    assert caplog.text.count(' waits: approval of the request ') == 4
    moments = [_wire.moment(each['metadata']['creationTimestamp']) for each in run.requests()]
    pauses = [(after - before).total_seconds() / _MINUTE for before, after in itertools.pairwise(moments)]
    assert [round(pause) for pause in pauses] == [2, 4, 8]


class Ahead(Story):
    async def told(self) -> None:
        await asyncio.sleep(2 * 60 * _MINUTE)
        self.standin.settings = _hub_standin.Settings(timedelta(hours=24), frozenset({'bootstrap'}))
        await asyncio.sleep(60 * _MINUTE)


@pytest.mark.slow
@pytest.mark.parametrize(('minutes', 'most'), [(60, 6), (5, 18)])
def test_42_with_its_clock_ahead_it_asks_no_more_often_than_certificates_end(
    base: Base, tmp_path: Path, minutes: int, most: int
) -> None:
    """Those of 5 minutes look ended to it at once, whatever it does."""
    run = lived(Ahead, tmp_path, base, life=timedelta(minutes=minutes), ahead=timedelta(minutes=10))
    assert len(run.requests()) <= most


class ExpiredMeanwhile(Story):
    async def told(self) -> None:
        await self.until(self.has_joined, 10)
        ends = _certificates.chain(self._certificate()).ends
        self._down(self.hub, True)
        await asyncio.sleep((ends - self.now()).total_seconds())
        await self.until(lambda: 'ended at' in self.health.certificate.check(), 31)
        await self.until(lambda: self.is_well(), 5 * _MINUTE)  # started anew by its platform
        self._down(self.hub, False)
        await self.until(self.has_joined, 10)


def test_34_a_certificate_that_ended_while_the_hub_was_away_is_seen_within_thirty_seconds(
    base: Base, tmp_path: Path
) -> None:
    run = lived(ExpiredMeanwhile, tmp_path, base)
    assert len(run.requests()) == 2


class OtherBootstrapSecret(Story):
    async def told(self) -> None:
        meta = {'name': 'bootstrap-hub-kubeconfig'}
        await self.spoke_admin.create(resources.SECRETS, {'metadata': meta, 'data': {'kubeconfig': 'YQ=='}}, NAMESPACE)
        await self.until(self.has_joined, 10)
        await self._changed({'metadata': {'annotations': {'a': 'b'}}})
        await asyncio.sleep(_MINUTE)
        assert self.is_well()
        await self._changed({'data': {'kubeconfig': 'Yg=='}})
        await self.until(lambda: 'has changed' in self.health.bootstrap.check(), 1)

    async def _changed(self, patch: dict[str, Any]) -> None:
        await self.spoke_admin.patch(resources.SECRETS, 'bootstrap-hub-kubeconfig', patch, NAMESPACE)


def test_33_another_bootstrap_secret_is_bad_health_within_a_second(base: Base, tmp_path: Path) -> None:
    lived(OtherBootstrapSecret, tmp_path, base)
