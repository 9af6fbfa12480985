"""A stand-in for a hub: the definitions and, of its controllers, what an agent sees. For tests and for trying out.

It runs beside any API server, a real one too, with the rights of an administrator, and signs certificates itself, with
the key of an authority that the server trusts for clients. It is no hub: nothing is placed, and no work is sent.
"""

from ._faults import Faults
from ._front import Front
from ._hub import HubStandIn, Settings
from ._verbs import accept, approve, deny, fault

__all__ = ['Faults', 'Front', 'HubStandIn', 'Settings', 'accept', 'approve', 'deny', 'fault']
