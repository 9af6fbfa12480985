"""What counts for all tests: those of properties judge a change, not the luck or the load of a machine.

`pytest -m hypothesis --hypothesis-profile=exploring` looks at other examples than last time.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile('steady', _PATIENT, derandomize=True)
settings.register_profile('exploring', _PATIENT)
settings.load_profile('steady')
