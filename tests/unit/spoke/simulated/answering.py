"""HTTP/1.1 of a server in memory: aiohttp's parser, requests and answers, a task for each request and none besides."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser, StreamWriter

_log = logging.getLogger(__name__)
_HEAD = 2**16  # the longest there may be


class Answering(BaseProtocol):
    """One connection. Who closes it breaks off what is being answered, as the stand-in's server does."""

    ssl_context = peername = sockname = None  # what a request asks its connection for

    def __init__(self, server: web.Server) -> None:
        self._requests: Any = HttpRequestParser(self, asyncio.get_running_loop(), _HEAD)
        super().__init__(asyncio.get_running_loop(), self._requests)
        self._server = server
        self._waiting: deque[tuple[Any, Any]] = deque()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._waiting.extend(self._requests.feed_data(data)[0])
        self._next()

    def _next(self) -> None:
        if self._waiting and not self._task and self.transport:
            self._task = self._loop.create_task(self._answer(*self._waiting.popleft()))

    async def _answer(self, message: Any, payload: Any) -> None:
        around: Any = self
        writer = StreamWriter(self, self._loop)
        request = self._server.request_factory(message, payload, around, writer, self._task)  # type: ignore[arg-type]
        try:
            try:
                response = await self._server.request_handler(request)
            except Exception:
                _log.exception('%s %s', request.method, request.path_qs)
                response = web.Response(status=500)
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:
            return  # nobody is there to be answered
        self._task = None
        self._next()
