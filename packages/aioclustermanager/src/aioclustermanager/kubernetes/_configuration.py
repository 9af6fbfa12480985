"""What it takes to reach an API server."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from .. import _http
from . import _status


@dataclass(frozen=True)
class Configuration:
    """Where an API server is, why to trust it, who asks and how much.

    Made by hand, or by `kubeconfig.load()` and `in_cluster.load()`.
    """

    server: str  # https://HOST:PORT, an IPv6 host in brackets, a path if there is one before /api
    tls: _http.Tls | ssl.SSLContext | None = None  # None: what this machine trusts
    authentication: _http.Authentication | None = None  # None: nobody, or whom the client certificate says
    proxy: str = ''  # http://[USER:PASSWORD@]HOST:PORT
    namespace: str = 'default'  # of the kubeconfig's context; calls name theirs
    limits: _http.Limits = field(default_factory=_http.Limits)
    retries: _http.Retries = field(default_factory=_http.Retries)
    user_agent: str = 'aioclustermanager'
    http2: bool = False  # one connection for all requests and watches, where the server can; needs the extra http2
    shared: _http.Shared | None = field(default=None, repr=False, compare=False)  # with other clients of the process


def transport(configuration: Configuration) -> _http.Transport:
    """Return a transport. Raises InvalidConfiguration; connects to nothing."""
    return _http.Transport(
        configuration.server,
        tls=configuration.tls,
        authentication=configuration.authentication,
        proxy=configuration.proxy,
        limits=configuration.limits,
        retries=configuration.retries,
        explain=_status.explain,
        user_agent=configuration.user_agent,
        shared=configuration.shared,
        http2=configuration.http2,
    )
