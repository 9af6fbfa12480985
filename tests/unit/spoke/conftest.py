"""The fixtures of `world`: a hub, a spoke, and room for agents."""

from tests.unit.spoke.world import clusters, world

__all__ = ['clusters', 'world']
