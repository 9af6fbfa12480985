"""Manage Kubernetes and Nomad from asyncio.

Nothing is imported here: a program that reads one object from an API server pays for that and no more.
"""

__all__ = ('job', 'job_list', 'manager')
