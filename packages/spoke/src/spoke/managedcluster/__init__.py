"""The controllers of the cluster itself: it is created on the hub, kept alive by a lease, and its status told."""

from ._creating import ManagedClusterCreating
from ._lease import ManagedClusterLease
from ._status import Doubt, ManagedClusterStatus

__all__ = ['Doubt', 'ManagedClusterCreating', 'ManagedClusterLease', 'ManagedClusterStatus']
