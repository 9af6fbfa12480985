"""Options and actions of this charm that are accepted but do nothing yet."""

from __future__ import annotations

OPTIONS = (
    'dashboard-auth',
    'default-storage',
    'enable-keystone-authorization',
    'keystone-policy',
    'keystone-ssl-ca',
    'nagios_context',
    'nagios_servicegroups',
    'proxy-extra-args',
    'sysctl',
)
ACTIONS = ('create-rbd-pv',)  # refuses, and says why
