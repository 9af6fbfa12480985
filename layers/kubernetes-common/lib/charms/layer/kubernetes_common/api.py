"""The door to the Kubernetes API: aioclustermanager for code that waits for its answers, configured by a kubeconfig.

Error                 base; status (0 = no answer), reason
  Unauthorized        401: the token is not (or no longer) accepted
  Forbidden           403
  NotFound            404
  Conflict            409: exists already, or changed meanwhile
  Invalid             422: the object was refused
  TooManyRequests     429: also an eviction that a disruption budget forbids; retry_after_s
  Unavailable         no connection, a time-out, 5xx, or an answer that is not the API's
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from . import versions

TIMEOUT_S = 10.0
PAGE = 500
PATCH_TYPES = {
    'merge': 'application/merge-patch+json',
    'strategic': 'application/strategic-merge-patch+json',
    'json': 'application/json-patch+json',
}
Object = dict[str, Any]  # JSON as the API gives it


class Error(Exception):
    """A request to the API failed; the text says which and why, never with its body or headers."""

    def __init__(self, attempt: str, status: int, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(f'{attempt}: {reason[:256]}')
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s


class Unauthorized(Error): ...


class Forbidden(Error): ...


class NotFound(Error): ...


class Conflict(Error): ...


class Invalid(Error): ...


class TooManyRequests(Error): ...


class Unavailable(Error): ...


ERRORS: dict[int, type[Error]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: TooManyRequests,
}


@dataclass(frozen=True)
class Client:
    """Requests to one API server. A connection per request: hooks make few of them."""

    server: str  # URL, e.g. https://10.0.0.1:6443
    ca: str = ''  # PEM text; '' = the machine's own authorities
    token: str = field(default='', repr=False)
    timeout_s: float = TIMEOUT_S

    @classmethod
    def from_kubeconfig(cls, path: str | Path, timeout_s: float = TIMEOUT_S) -> Client:
        """Read server, authority and token of the current context.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no kubeconfig of the form `kubeconfig.render` writes.
        """
        try:
            document = yaml.safe_load(Path(path).read_text())
            context = _named(document, 'contexts', document['current-context'])['context']
            cluster = _named(document, 'clusters', context['cluster'])['cluster']
            user = _named(document, 'users', context['user'])['user']
            authority = base64.b64decode(cluster.get('certificate-authority-data', '')).decode()
            return cls(cluster['server'], authority, user.get('token', ''), timeout_s)
        except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
            raise ValueError(f'{path} is no kubeconfig: {type(error).__name__}') from error

    def get(self, resource: str, name: str, *, namespace: str = '', group: str = 'v1') -> Object:
        return self.request('GET', path(resource, name, namespace=namespace, group=group))

    def list(
        self, resource: str, *, namespace: str = '', group: str = 'v1', labels: str = '', fields: str = ''
    ) -> list[Object]:
        """Return all objects that fit the label and the field selector, read page by page."""
        items: list[Object] = []
        query = {'limit': str(PAGE)}
        query.update({key: value for key, value in (('labelSelector', labels), ('fieldSelector', fields)) if value})
        while True:
            answer = self.request('GET', path(resource, namespace=namespace, group=group), query=query)
            items += answer.get('items') or []
            more = (answer.get('metadata') or {}).get('continue')
            if not more:
                return items
            query['continue'] = more

    def create(self, resource: str, body: Mapping[str, Any], *, namespace: str = '', group: str = 'v1') -> Object:
        return self.request('POST', path(resource, namespace=namespace, group=group), body=body)

    def replace(
        self, resource: str, name: str, body: Mapping[str, Any], *, namespace: str = '', group: str = 'v1'
    ) -> Object:
        return self.request('PUT', path(resource, name, namespace=namespace, group=group), body=body)

    def patch(
        self,
        resource: str,
        name: str,
        body: Mapping[str, Any],
        *,
        namespace: str = '',
        group: str = 'v1',
        kind: Literal['merge', 'strategic', 'json'] = 'merge',
    ) -> Object:
        where = path(resource, name, namespace=namespace, group=group)
        return self.request('PATCH', where, body=body, content_type=PATCH_TYPES[kind])

    def delete(self, resource: str, name: str, *, namespace: str = '', group: str = 'v1') -> Object:
        return self.request('DELETE', path(resource, name, namespace=namespace, group=group))

    def evict(self, namespace: str, pod: str, group: str = 'policy/v1beta1') -> Object:
        """Ask for the pod's eviction; TooManyRequests when a disruption budget forbids it now.

        Args:
            namespace: the pod's.
            pod: its name.
            group: API version of the Eviction: policy/v1beta1 before Kubernetes 1.22, policy/v1 since.
        """
        body = {'apiVersion': group, 'kind': 'Eviction', 'metadata': {'name': pod, 'namespace': namespace}}
        return self.request('POST', path('pods', pod, namespace=namespace, subresource='eviction'), body=body)

    def version(self) -> versions.Version:
        """Return the API server's version."""
        return versions.parse(str(self.request('GET', '/version').get('gitVersion', '')))

    def request(
        self,
        method: str,
        where: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = 'application/json',
    ) -> Object:
        """Make one request and return the JSON of the answer; every failure is an `Error`."""
        attempt = f'{method} {where} at {self.server}'
        target = where + ('?' + urllib.parse.urlencode(query) if query else '')
        return _answer(self, attempt, method, target, None if body is None else json.dumps(body).encode(), content_type)


def path(resource: str, name: str = '', *, namespace: str = '', group: str = 'v1', subresource: str = '') -> str:
    """Return the path of a collection or an object, e.g. /api/v1/namespaces/default/pods/web-0."""
    parts = ['api' if '/' not in group else 'apis', *group.split('/')]
    if namespace:
        parts += ['namespaces', namespace]
    parts += [part for part in (resource, name, subresource) if part]
    return '/' + '/'.join(urllib.parse.quote(part, safe='') for part in parts)


def _answer(client: Client, attempt: str, method: str, target: str, body: bytes | None, content_type: str) -> Object:
    """Ask once: whoever gets no answer is asked again by Juju, and holds up no other hook meanwhile."""
    import asyncio  # this and the library are slow to import: a hook in which nothing changed asks nobody

    from aioclustermanager import kubernetes

    configuration = kubernetes.Configuration(
        client.server,
        kubernetes.Tls(ca=client.ca.encode()),
        kubernetes.bearer(client.token) if client.token else None,
        limits=kubernetes.Limits(call_s=client.timeout_s, connect_s=client.timeout_s),
        retries=kubernetes.Retries(attempts=0),
        user_agent='charm',
    )

    async def ask() -> bytes:
        async with kubernetes.Client(configuration) as asked:
            response = await asked.transport.request(method, target, body, content_type=content_type)
            return response.body

    try:
        raw = asyncio.run(ask())
    except kubernetes.HttpError as error:
        kind = ERRORS.get(error.status) or (Error if error.status < 500 else Unavailable)
        raise kind(attempt, error.status, error.message, error.retry_after_s or 0.0) from error
    except kubernetes.Error as error:  # also an authority that is no certificate
        cause = error.__cause__ or error
        raise Unavailable(attempt, 0, f'{type(cause).__name__}: {cause}') from error
    try:
        document = json.loads(raw) if raw else {}
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Unavailable(attempt, 200, "the answer is not the API's")
    return document


def _named(document: Any, section: str, name: str) -> Any:  # a kubeconfig, as read
    return next((entry for entry in document[section] if entry['name'] == name), {})
