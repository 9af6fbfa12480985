"""Kubernetes, with the names of 0.3.44.

async with K8SContextManager({'certificate': ..., 'key': ..., 'endpoint': 'localhost:6443', 'ca': ...}) as context:
    manager = ClusterManager(context)
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from ._configuration import SERVICE_HOST as SERVICE_HOST_ENV_NAME
from ._configuration import SERVICE_PORT as SERVICE_PORT_ENV_NAME
from ._configuration import SERVICE_TOKEN as SERVICE_TOKEN_ENV_NAME
from ._configuration import Settings, Surroundings, settings
from ._configuration import join_host_port as _join_host_port
from .caller import K8SCaller

__all__ = [
    'SERVICE_CERT_FILENAME',
    'SERVICE_HOST_ENV_NAME',
    'SERVICE_PORT_ENV_NAME',
    'SERVICE_TOKEN_ENV_NAME',
    'SERVICE_TOKEN_FILENAME',
    'Configuration',
    'K8SCaller',
    'K8SContextManager',
    '_join_host_port',
    'create_k8s_caller',
]
logger = logging.getLogger('aioclustermanager')
SERVICE_TOKEN_FILENAME = '/var/run/secrets/kubernetes.io/serviceaccount/token'  # noqa: S105  (a path)
SERVICE_CERT_FILENAME = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt'


class Configuration:
    """What a configuration means. Raises InvalidConfiguration; `loop` is ignored, as asyncio knows its loop."""

    file: str | None = None
    ssl_context: Any = None
    cert_file: str | None = None  # 0.3.44 wrote keys into files; here no key is in a file that was not there before
    scheme = 'https'

    def __init__(self, environment: Mapping[str, Any], loop: Any = None) -> None:
        self.environment = dict(environment)
        self.loop = loop
        self._load(self.environment)

    def load_in_cluster(self) -> None:
        """Use the pod's service account."""
        self._load({**self._connection(), 'auth': 'in_cluster'})

    def load_certificate_file(self) -> None:
        """Use the certificate in files."""
        self._load({**self._connection('certificate', 'key'), 'auth': 'certificate_file'})

    def load_certificate(self) -> None:
        """Use the certificate given."""
        self._load({**self._connection('certificate', 'key'), 'auth': 'certificate'})

    def _connection(self, *more: str) -> dict[str, Any]:
        keys = ('endpoint', 'http_scheme', 'skip_ssl', 'ca', 'ca_file', *more)
        return {key: self.environment[key] for key in keys if key in self.environment}

    def _load(self, environment: Mapping[str, Any]) -> None:
        around = Surroundings(token_file=SERVICE_TOKEN_FILENAME, ca_file=SERVICE_CERT_FILENAME)
        self.settings: Settings = settings(environment, around)
        self.scheme = self.settings.scheme
        self.endpoint = self.settings.endpoint

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries now."""
        return self.settings.headers()


class K8SContextManager:
    """Opens a caller and closes it, by `async with` or by `open` and `close`."""

    def __init__(self, environment: Mapping[str, Any], loop: Any = None) -> None:
        self.environment = environment
        self.loop = loop
        self._caller: K8SCaller | None = None

    async def __aenter__(self) -> K8SCaller:
        return await self.open()

    async def open(self) -> K8SCaller:
        """Return a caller. Raises InvalidConfiguration; connects to nothing yet."""
        self.config = Configuration(self.environment)
        caller = K8SCaller.of(self.config.settings)
        self.config.ssl_context = caller.ssl_context
        self._caller = caller
        return caller

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what `open` opened. Idempotent."""
        caller, self._caller = self._caller, None
        if caller is not None:
            await caller.close()


async def create_k8s_caller(environment: Mapping[str, Any]) -> K8SCaller:
    """Return a caller that its owner closes: `await caller.close()`, or as in 0.3.44 `await caller.session.close()`."""
    return await K8SContextManager(environment).open()
