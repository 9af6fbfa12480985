"""The fixtures of `world`: a hub, a spoke, and room for agents."""

import hypothesis

from tests.unit.spoke.world import clusters, world

__all__ = ['clusters', 'world']
hypothesis.settings.register_profile('patient', deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile('patient')
