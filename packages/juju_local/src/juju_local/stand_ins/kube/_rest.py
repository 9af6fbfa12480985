"""The verbs of the REST API on stored objects: admission, guarded writes, deletion. HTTP is in `_apiserver`."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import (
    _access,
    _addresses,
    _custom,
    _deletion,
    _disruption,
    _identity,
    _objects,
    _patches,
    _resources,
    _statuses,
    _storage,
    _times,
    _version,
)

Json = dict[str, Any]
_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'
_RETRIES = 8


@dataclass(frozen=True)
class Target:
    """What a request is about."""

    resource: _resources.Resource
    namespace: str = ''
    name: str = ''
    subresource: str = ''

    def get(self, storage: _storage.Storage) -> Json:
        """Return the stored object; raises 404."""
        found = storage.get(self.resource.storage, self.namespace, self.name)
        if found is None:
            raise _statuses.not_found(self.resource.group, self.resource.plural, self.name)
        return found


@dataclass(frozen=True)
class Settings:
    ranges: _addresses.Ranges
    plugins: frozenset[str]  # admission plug-ins
    allow_privileged: bool


class Rest:
    def __init__(self, storage: _storage.Storage, catalogue: _resources.Catalogue, settings: Settings) -> None:
        self.storage = storage
        self.catalogue = catalogue
        self.settings = settings
        self._views = catalogue.storages()
        self._allocating = asyncio.Lock()

    async def create(self, target: Target, sent: Json, user: _identity.User, *, dry_run: bool = False) -> Json:
        resource = target.resource
        suffix = ''.join(random.choices(_LETTERS, k=5))  # noqa: S311  (a name, no secret)
        obj = _objects.new(
            resource, sent, target.namespace, now=_times.timestamp(), uid=str(uuid.uuid4()), suffix=suffix
        )  # fmt: skip
        name = obj['metadata']['name']
        obj = self._shaped(resource, obj)
        if resource.storage == 'certificatesigningrequests':
            obj['spec'] = {**obj['spec'], 'username': user.name, 'groups': list(user.groups)}
            if _version.parse(_version.text()) < (1, 22):
                obj['spec'].pop('expirationSeconds', None)
        self._admit_create(target, obj, user)
        if self.storage.get(resource.storage, target.namespace, name) is not None:
            raise _statuses.already_exists(resource.group, resource.plural, name)
        if resource.storage == 'services':
            async with self._allocating:
                return await self._store_new(target, self._allocated(obj), name, dry_run)
        return await self._store_new(target, obj, name, dry_run)

    def _shaped(self, resource: _resources.Resource, obj: Json) -> Json:
        """Return a definition with its status, a custom object as its schema wants it, anything else as it is."""
        if resource.storage == _custom.STORAGE:
            if resource.version == 'v1beta1':
                obj = _custom.in_words_of_v1(obj)
            if wrong := _custom.definition_causes(obj, resource.version):
                raise _statuses.invalid(resource.group, resource.kind, obj['metadata']['name'], wrong)
            return {**obj, 'status': _custom.established(obj, _times.timestamp())}
        if resource.storage in self._views:
            return obj
        rules = _custom.schema(self.storage.objects(_custom.STORAGE), resource)
        obj = _custom.stored(rules, {key: obj[key] for key in obj if key != 'status' or obj[key]})
        if wrong := _custom.causes(rules, {key: obj[key] for key in obj if key != 'metadata'}):
            raise _statuses.invalid(resource.group, resource.kind, obj['metadata']['name'], wrong)
        return obj

    async def _store_new(self, target: Target, obj: Json, name: str, dry_run: bool) -> Json:
        if dry_run:
            return obj
        resource = target.resource
        try:
            return await self.storage.put(resource.storage, target.namespace, name, obj, 0)
        except _storage.Clash as error:
            raise _statuses.already_exists(resource.group, resource.plural, name) from error

    def _admit_create(self, target: Target, obj: Json, user: _identity.User) -> None:
        resource, name = target.resource, obj['metadata']['name']
        self._admit_node(target, 'create', obj, None, user)
        if resource.namespaced:
            self._admit_namespace(target, name)
        if resource.storage == 'pods':
            self._admit_pod(target, obj)

    def _admit_namespace(self, target: Target, name: str) -> None:
        namespace = self.storage.get('namespaces', '', target.namespace)
        if namespace is None:
            raise _statuses.not_found('', 'namespaces', target.namespace)
        if namespace['metadata'].get('deletionTimestamp'):
            why = f'unable to create new content in namespace {target.namespace} because it is being terminated'
            raise _statuses.refused(target.resource.group, target.resource.plural, name, why)

    def _admit_pod(self, target: Target, obj: Json) -> None:
        name, spec = obj['metadata']['name'], obj['spec']
        if 'ServiceAccount' in self.settings.plugins:
            account = spec['serviceAccountName']
            if self.storage.get('serviceaccounts', target.namespace, account) is None:
                missing = f'serviceaccount "{account}" not found'
                why = f'error looking up service account {target.namespace}/{account}: {missing}'
                raise _statuses.refused('', 'pods', name, why)
        privileged = any((item.get('securityContext') or {}).get('privileged') for item in spec['containers'])
        if privileged and not self.settings.allow_privileged:
            cause = ('spec.containers[0].securityContext.privileged', 'Forbidden: disallowed by cluster policy')
            raise _statuses.invalid('', 'Pod', name, [cause])

    def _admit_node(self, target: Target, verb: str, obj: Json, old: Json | None, user: _identity.User) -> None:
        if 'NodeRestriction' in self.settings.plugins:
            why = _access.restriction(user, verb, target.resource.storage, target.subresource, obj, old)
            if why:
                name = obj['metadata'].get('name', '')
                raise _statuses.refused(target.resource.group, target.resource.plural, name, why)

    def _allocated(self, service: Json) -> Json:
        return _addresses.allocated(service, self.storage.objects('services'), self.settings.ranges)

    async def replace(self, target: Target, sent: Json, user: _identity.User, *, dry_run: bool = False) -> Json:
        """Store what a PUT sent; a resourceVersion in it must be the present one."""
        if (sent.get('metadata') or {}).get('name', target.name) != target.name:
            name = sent['metadata']['name']
            why = f'the name of the object ({name}) does not match the name on the URL ({target.name})'
            raise _statuses.StatusError(400, why)
        wanted = (sent.get('metadata') or {}).get('resourceVersion')
        return await self.change(target, lambda _: sent, user, wanted=wanted, dry_run=dry_run)

    async def patch(
        self, target: Target, kind: str, patch: Any, user: _identity.User, *, dry_run: bool = False
    ) -> tuple[Json, bool]:
        """Apply a patch; returns the object, and whether it was made by a server-side apply."""
        if kind == 'apply' and self.storage.get(target.resource.storage, target.namespace, target.name) is None:
            body = {**patch, 'metadata': {**(patch.get('metadata') or {}), 'name': target.name}}
            return await self.create(target, body, user, dry_run=dry_run), True

        def edited(old: Json) -> Json:
            try:
                return patched(kind, old, patch)
            except (_patches.PatchError, KeyError, TypeError, AttributeError) as error:
                code, reason = (422, 'Invalid') if kind == 'json' else (400, 'BadRequest')
                raise _statuses.StatusError(
                    code, f'the server rejected our request due to an error in our request: {error}', reason=reason
                ) from error

        wanted = (patch.get('metadata') or {}).get('resourceVersion') if isinstance(patch, dict) else None
        return await self.change(target, edited, user, wanted=wanted, dry_run=dry_run), False

    async def change(
        self,
        target: Target,
        edit: Callable[[Json], Json],
        user: _identity.User,
        *,
        wanted: str | None = None,
        dry_run: bool = False,
    ) -> Json:
        """Change an object by a function, again when somebody else was quicker (unless a version is wanted)."""
        resource = target.resource
        for _ in range(_RETRIES):
            old = target.get(self.storage)
            if wanted and wanted != old['metadata']['resourceVersion']:
                raise _statuses.conflict(resource.group, resource.plural, target.name)
            view = {**old, 'apiVersion': resource.api_version, 'kind': resource.kind}
            new = self._shaped(resource, _objects.changed(resource, view, edit(view), target.subresource))
            self._admit_node(target, 'update', new, old, user)
            if resource.storage == 'services' and not target.subresource:
                new = self._allocated(new)
            try:
                return await self._store_changed(target, old, new, dry_run)
            except _storage.Clash:
                await self.storage.refresh()
        raise _statuses.conflict(resource.group, resource.plural, target.name)

    async def _store_changed(self, target: Target, old: Json, new: Json, dry_run: bool) -> Json:
        resource, meta = target.resource, new['metadata']
        if dry_run or _same(old, new):
            return {**new, 'metadata': {**meta, 'resourceVersion': old['metadata']['resourceVersion']}}
        revision = _storage.revision_of(old)
        if meta.get('deletionTimestamp') and not meta.get('finalizers') and _deletion.is_finished(resource, new):
            await self.storage.delete(resource.storage, target.namespace, target.name, revision)
            return new
        return await self.storage.put(resource.storage, target.namespace, target.name, new, revision)

    async def delete(
        self, target: Target, options: Json, user: _identity.User, *, dry_run: bool = False
    ) -> tuple[Json, bool]:
        """Delete an object, or mark it as being deleted; returns it and whether it is gone."""
        resource = target.resource
        for _ in range(_RETRIES):
            old = target.get(self.storage)
            self._admit_node(target, 'delete', old, old, user)
            self._check_preconditions(target, old, options)
            if resource.storage == 'namespaces' and target.name in ('default', 'kube-system', 'kube-public'):
                raise _statuses.refused('', 'namespaces', target.name, 'this namespace may not be deleted')
            marked = _deletion.marked(resource, old, options)
            if dry_run:
                return marked or old, marked is None
            try:
                revision = _storage.revision_of(old)
                if marked is None:
                    if resource.storage == _custom.STORAGE:
                        await self._clear(target.name)
                    await self.storage.delete(resource.storage, target.namespace, target.name, revision)
                    return old, True
                if _same(old, marked):
                    return old, False
                return await self.storage.put(resource.storage, target.namespace, target.name, marked, revision), False
            except _storage.Clash:
                await self.storage.refresh()
        raise _statuses.conflict(resource.group, resource.plural, target.name)

    async def _clear(self, storage: str) -> None:
        """Delete all objects of a custom resource, as its definition goes."""
        for obj in self.storage.objects(storage):
            meta = obj['metadata']
            await self.storage.delete(storage, meta.get('namespace', ''), meta['name'], _storage.revision_of(obj))

    def _check_preconditions(self, target: Target, old: Json, options: Json) -> None:
        for key, what in (('uid', 'UID'), ('resourceVersion', 'ResourceVersion')):
            wanted = (options.get('preconditions') or {}).get(key)
            if wanted and wanted != old['metadata'][key]:
                have, happened = old['metadata'][key], {'uid': 'deleted and then recreated'}.get(key, 'modified')
                why = (
                    f'the {what} in the precondition ({wanted}) does not match the {what} in record ({have}). '
                    f'The object might have been {happened}'
                )
                raise _statuses.conflict(target.resource.group, target.resource.kind, target.name, why)

    async def bind(self, target: Target, binding: Json) -> None:
        """Give a pod its node (pods/binding)."""
        node = (binding.get('target') or {}).get('name', '')

        def bound(old: Json) -> Json:
            if old['spec'].get('nodeName'):
                why = f'pod {target.name} is already assigned to node "{old["spec"]["nodeName"]}"'
                raise _statuses.conflict('', 'pods/binding', target.name, why)
            return {**old, 'spec': {**old['spec'], 'nodeName': node}}

        await self._change_all(target, bound)

    async def finalize(self, target: Target, sent: Json) -> Json:
        """Store the finalizers in a namespace's spec; without any, a namespace being deleted is gone."""

        def finalized(old: Json) -> Json:
            return {
                **old,
                'spec': {**(old.get('spec') or {}), 'finalizers': (sent.get('spec') or {}).get('finalizers') or []},
            }

        return await self._change_all(target, finalized)

    async def _change_all(self, target: Target, edit: Callable[[Json], Json]) -> Json:
        """Change any part of an object."""
        for _ in range(_RETRIES):
            old = target.get(self.storage)
            try:
                return await self._store_changed(target, old, edit(old), dry_run=False)
            except _storage.Clash:
                await self.storage.refresh()
        raise _statuses.conflict(target.resource.group, target.resource.plural, target.name)

    async def evict(self, target: Target, eviction: Json, user: _identity.User, *, dry_run: bool = False) -> None:
        """Delete a pod unless its disruption budget forbids it: 429 then, 500 when there is more than one budget."""
        pod = target.get(self.storage)
        pods, budgets = (self.storage.objects(kind, target.namespace) for kind in ('pods', 'poddisruptionbudgets'))
        _disruption.check(pod, pods, budgets, self._controller)
        await self.delete(target, eviction.get('deleteOptions') or {}, user, dry_run=dry_run)

    def _controller(self, obj: Json) -> tuple[str, Json] | None:
        """Return kind and object of what controls another and can be scaled; None if nothing does."""
        for reference in obj['metadata'].get('ownerReferences') or []:
            plural = _disruption.SCALED.get(reference['kind']) if reference.get('controller') else None
            for each in self.storage.objects(plural, obj['metadata'].get('namespace', '')) if plural else ():
                if each['metadata']['uid'] == reference['uid']:
                    return reference['kind'], each
        return None

    def scale_of(self, target: Target) -> Json:
        """Return the Scale of a workload."""
        obj = target.get(self.storage)
        selector = obj['spec'].get('selector') or {}
        labels = selector.get('matchLabels', {}) if obj['kind'] != 'ReplicationController' else selector
        shown = ','.join(f'{key}={value}' for key, value in sorted(labels.items()))
        keep = ('name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp')
        return {
            'kind': 'Scale',
            'apiVersion': 'autoscaling/v1',
            'metadata': {key: obj['metadata'][key] for key in keep if key in obj['metadata']},
            'spec': {'replicas': obj['spec'].get('replicas', 0)},
            'status': {'replicas': (obj.get('status') or {}).get('replicas', 0), 'selector': shown},
        }

    async def scale(self, target: Target, edit: Callable[[Json], Json], user: _identity.User) -> Json:
        """Set the number of replicas from an edited Scale."""

        def scaled(old: Json) -> Json:
            replicas = (edit(self.scale_of(target)).get('spec') or {}).get('replicas', 0)
            return {**old, 'spec': {**old['spec'], 'replicas': replicas}}

        await self.change(Target(target.resource, target.namespace, target.name), scaled, user)
        return self.scale_of(target)

    async def bootstrap(self) -> None:
        """Make what every cluster has: namespaces, roles, the service `kubernetes`."""
        master = _identity.UNSECURED
        names = ['default', 'kube-system', 'kube-public']
        if self.catalogue.find('coordination.k8s.io', 'v1', 'leases'):
            names.append('kube-node-lease')
        wanted: list[tuple[str, str, Json]] = [
            ('namespaces', '', {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': name}}) for name in names
        ]
        wanted += [(storage, '', obj) for storage, obj in _access.bootstrap()]
        service = {'type': 'ClusterIP', 'clusterIP': str(self.settings.ranges.services[1])}
        service['ports'] = [{'name': 'https', 'port': 443, 'protocol': 'TCP', 'targetPort': 6443}]  # type: ignore[assignment]
        labels = {'component': 'apiserver', 'provider': 'kubernetes'}
        wanted.append(
            (
                'services',
                'default',
                {
                    'apiVersion': 'v1',
                    'kind': 'Service',
                    'metadata': {'name': 'kubernetes', 'labels': labels},
                    'spec': service,
                },
            )
        )
        for storage, namespace, obj in wanted:
            name = obj['metadata']['name']
            if storage in self._views and self.storage.get(storage, namespace, name) is None:
                try:
                    await self.create(Target(self._views[storage], namespace, name), obj, master)
                except _statuses.StatusError as error:
                    if error.code != 409:
                        raise


def _same(old: Json, new: Json) -> bool:
    def bare(obj: Json) -> Json:
        meta = {key: value for key, value in obj['metadata'].items() if key != 'resourceVersion'}
        return {**obj, 'metadata': meta, 'apiVersion': ''}

    return bare(old) == bare(new)


def patched(kind: str, old: Json, patch: Any) -> Json:
    if kind == 'json':
        return dict(_patches.json_patch(old, patch))
    if kind == 'merge':
        return dict(_patches.merge(old, patch))
    return dict(_patches.strategic(old, patch))


def filled_view(obj: Json, resource: _resources.Resource) -> Json:
    """Return a stored object as one version of the API shows it."""
    return {**obj, 'apiVersion': resource.api_version, 'kind': resource.kind}
