"""The scenarios again, hub and spoke each a real kube-apiserver, where `make store` has built one.

Those are left out that are about what no server answers, or what a door answers for it: they are long. SPOKE_HUB=real
runs all other tests of this folder on the real ones, these too.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract._programs import real_programs
from tests.unit.spoke import again, test_faults, test_hosted, test_join, test_life, test_scenarios
from tests.unit.spoke.world import Cluster, two

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]


@pytest.fixture(scope='module')
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Cluster]]:
    if real_programs() is None:
        pytest.skip('no real kube-apiserver here: `make store` builds it')
    with two(tmp_path_factory.mktemp('real'), is_real=True) as found:
        yield found


LONG = {
    'test_11_without_the_gate_the_agent_of_such_a_hub_names_what_it_lacks_and_the_gate_and_asks_nothing',
    'test_13_bad_looks_change_nothing_until_they_have_lasted_for_as_long_as_the_option_says',
    'test_27_a_hub_that_answers_only_429_is_asked_again_when_it_says_so',
    'test_27_a_hub_that_refuses_for_a_while_is_not_flooded_and_goes_on',
    'test_28_a_hub_that_does_not_answer_holds_up_one_renewal_and_not_the_next',
    'test_34_an_expired_certificate_turns_unhealthy_and_a_restart_bootstraps',
    'test_34_embedded_an_agent_whose_certificate_ended_begins_anew_and_has_another',
    'test_40_a_spoke_that_does_not_answer_is_unavailable_and_the_lease_goes_on',
    'test_40_a_spoke_that_goes_away_and_comes_back_is_told_and_the_lease_goes_on',
    'test_a_hub_whose_certificate_is_not_trusted_is_named_as_that',
    'test_an_agent_without_a_management_cluster_that_answers_stays_and_says_so',
}
globals().update(again.tests((test_join, test_life, test_scenarios, test_faults, test_hosted), LONG))
