"""How objects end: at once, after a grace period, or when their finalizers are gone. Pure."""

from __future__ import annotations

import datetime
from typing import Any

from . import _resources

Json = dict[str, Any]


def is_finished(resource: _resources.Resource, obj: Json) -> bool:
    """Tell whether nothing but its finalizers kept an object that is being deleted."""
    if resource.storage == 'namespaces':
        return not (obj.get('spec') or {}).get('finalizers')
    if resource.storage == 'pods':
        return not obj['metadata'].get('deletionGracePeriodSeconds')
    return True


def marked(resource: _resources.Resource, old: Json, options: Json) -> Json | None:
    """Return the object as it waits for its end; None if it can go at once."""
    meta = dict(old['metadata'])
    finalizers = list(meta.get('finalizers') or [])
    policy = options.get('propagationPolicy') or ('Orphan' if options.get('orphanDependents') else '')
    wanted = {'Orphan': 'orphan', 'Foreground': 'foregroundDeletion'}.get(policy)
    if wanted and wanted not in finalizers:
        finalizers.append(wanted)
    grace = _grace(resource, old, options)
    kept = resource.storage == 'namespaces' and (old.get('spec') or {}).get('finalizers')
    if not finalizers and not grace and not kept:
        return None
    if finalizers:
        meta['finalizers'] = finalizers
    if not meta.get('deletionTimestamp') or (grace < meta.get('deletionGracePeriodSeconds', grace)):
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=grace)
        meta['deletionTimestamp'] = end.strftime('%Y-%m-%dT%H:%M:%SZ')
        if resource.storage == 'pods':
            meta['deletionGracePeriodSeconds'] = grace
    ending = {**old, 'metadata': meta}
    if resource.storage == 'namespaces':
        ending['status'] = {**(old.get('status') or {}), 'phase': 'Terminating'}
    return ending


def _grace(resource: _resources.Resource, old: Json, options: Json) -> int:
    """Return the seconds a pod is given by its node; 0 for what no node runs."""
    if resource.storage != 'pods' or not old['spec'].get('nodeName'):
        return 0
    if (old.get('status') or {}).get('phase') in ('Succeeded', 'Failed'):
        return 0
    asked = options.get('gracePeriodSeconds')
    return int(old['spec'].get('terminationGracePeriodSeconds', 30) if asked is None else asked)
