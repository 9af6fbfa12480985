"""Verbs of juju-local, each a process of its own as on the command line, but forked from one that has the modules.

Tests run verbs by the hundred, and to import its modules takes a verb longer than its work. What starts a verb by
itself (`Cluster.start`, the consoles of the docs) goes without this.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

Verb = Callable[[Sequence[str]], int]
DESCRIPTORS = 4  # that come with a call: what to do, stdout, stderr, where the exit code goes


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    timeout_s: float,
    *,
    together: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run a verb to its end; `together` has its errors among its results, as they came.

    Raises:
        TimeoutError: when it has not ended by then; it goes on.
    """
    order = os.memfd_create('verb')
    os.pwrite(order, json.dumps([list(arguments), dict(environment), str(folder)]).encode(), 0)
    pipes = [os.pipe() for _ in range(DESCRIPTORS - 1)]
    sent = [order, *(write for _, write in pipes)]
    try:
        if together:
            os.dup2(sent[1], sent[2])
        socket.send_fds(_server(), [b'.'], sent)
    finally:
        for descriptor in sent:
            os.close(descriptor)
    try:
        out, err, code = _read([read for read, _ in pipes], time.monotonic() + timeout_s)
    finally:
        for read, _ in pipes:
            os.close(read)
    return subprocess.CompletedProcess(list(arguments), int(code), out, err)


def _read(pipes: Sequence[int], end: float) -> list[bytes]:
    """Return all that comes out of some pipes."""
    got = dict.fromkeys(pipes, b'')
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(end - time.monotonic())
            if not ready and time.monotonic() >= end:
                raise TimeoutError(f'juju-local has not ended; so far: {got}')
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                got[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
    return list(got.values())


@functools.cache
def _server() -> socket.socket:
    """Return the way to this process's server, which is started now and ends with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, __file__, str(theirs.fileno())]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def serve(calls: socket.socket) -> None:
    """Fork a process for each call, until nobody can call any more."""
    cli = importlib.import_module('juju_local._cli')
    for module in importlib.import_module('juju_local._cli._verb').FAMILIES:
        importlib.import_module(f'juju_local._cli.{module}')
    gc.freeze()  # what a child only reads need not be copied for it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    while True:
        _, descriptors, _, _ = socket.recv_fds(calls, 1, DESCRIPTORS)
        if not descriptors:
            return
        if os.fork() == 0:
            calls.close()
            _keep(cli.run, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(run_verb: Verb, order: int, out: int, err: int, code: int) -> NoReturn:
    """Let a child be the verb, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    verb = os.fork()
    if verb == 0:
        os.close(code)
        os.dup2(out, 1)
        os.dup2(err, 2)
        _be(run_verb, order, (out, err))
    os.close(out)
    os.close(err)
    _, status = os.waitpid(verb, 0)
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(code, b'%d' % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _be(run_verb: Verb, order: int, descriptors: Sequence[int]) -> NoReturn:
    ended = 1
    try:
        with open(order, encoding='utf-8') as stream:
            arguments, environment, folder = json.load(stream)
        for descriptor in descriptors:
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        ended = run_verb(arguments)
        sys.stdout.flush()
    except BaseException:  # whatever it is, this process must not go on as the server that it was
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(ended)


if __name__ == '__main__':
    serve(socket.socket(fileno=int(sys.argv[1])))
