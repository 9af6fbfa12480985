"""The wire of the hook tools, from both ends."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import juju_local
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juju_local import _server

HOOKTOOL = Path(juju_local.__file__).with_name('hooktool')
FIELDS = st.lists(st.binary())


WORDS = st.lists(st.binary(min_size=1).map(lambda data: data.replace(b'\0', b'').replace(b'-', b'_')))


class Agent:
    """Listens as juju-local does, and answers one tool with the given fields."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.address = folder, folder / 'agent.sock'
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.address))
        self.listener.listen()
        self.tool = folder / 'relation-set'
        self.tool.symlink_to(HOOKTOOL)

    def serve(
        self, arguments: Sequence[bytes], answer: bytes, stdin: bytes = b''
    ) -> tuple[list[bytes], subprocess.CompletedProcess[bytes]]:
        """Run the tool; returns what it asked, and what became of it."""
        asked: list[bytes] = []
        thread = threading.Thread(target=lambda: asked.extend(self.answer(answer)))
        thread.start()
        env = {'JUJU_CONTEXT_ID': 'ctx', 'JUJU_AGENT_SOCKET_ADDRESS': str(self.address)}
        done = subprocess.run([self.tool, *arguments], env=env, cwd=self.folder, input=stdin, capture_output=True)
        thread.join(10)
        return asked, done

    def answer(self, data: bytes) -> list[bytes]:
        connection, _ = self.listener.accept()
        with connection, connection.makefile('rb') as stream:
            request = stream.read()
            connection.sendall(data)
        return _server.decode(request)


@pytest.fixture(scope='module')
def agent(tmp_path_factory):
    agent = Agent(tmp_path_factory.mktemp('agent'))
    yield agent
    agent.listener.close()


@given(fields=FIELDS)
def test_fields_are_read_as_they_were_written(fields):
    assert _server.decode(_server.encode(fields)) == fields


@settings(max_examples=40, deadline=None)
@given(arguments=WORDS, code=st.integers(0, 255), stdout=st.binary(), stderr=st.binary())
def test_the_client_asks_and_prints_byte_for_byte(agent, arguments, code, stdout, stderr):
    answer = _server.encode([b'%d' % code, stdout, stderr])
    asked, done = agent.serve(arguments, answer)
    assert asked == [b'ctx', b'relation-set', b'%d' % len(arguments), *arguments]
    assert (done.returncode, done.stdout, done.stderr) == (code, stdout, stderr)


def test_the_client_writes_the_files_of_the_answer(agent):
    content = bytes(range(256)) * 1000
    agent.serve([b'-o', b'out'], _server.encode([b'0', b'', b'', b'out', content]))
    assert (agent.folder / 'out').read_bytes() == content


@pytest.mark.parametrize('cut', [b'', b'3', b'3\n1\n0', b'3\n1\n00\n', b'3\n1\n00\n5\nabc', b'nonsense\n'], ids=repr)
def test_the_client_takes_no_answer_that_was_cut_off(agent, cut):
    _, done = agent.serve([], cut)
    assert (done.returncode, done.stdout) == (1, b'')
    assert done.stderr.startswith(b'ERROR cannot ask the agent at ')


@given(data=st.binary())
def test_garbage_is_refused_not_half_understood(data):
    try:
        fields = _server.decode(data)
    except ValueError:
        return
    assert data.startswith(_server.encode(fields)) or b'0' in data


@given(fields=st.lists(st.binary(), min_size=1), cut=st.integers(1, 5))
def test_a_request_that_was_cut_off_is_refused(fields, cut):
    data = _server.encode([*fields, b'123456'])
    with pytest.raises(ValueError, match=r'cut off|subsection|expected'):
        _server.decode(data[:-cut])


def test_a_request_names_tool_arguments_and_files():
    fields = [b'ctx', b'relation-set', b'2', b'--file', b'a.yaml', b'a.yaml', b'content', b'-', b'\xff']
    asked = _server.request(_server.encode(fields))
    assert (asked.context, asked.tool, asked.arguments) == ('ctx', 'relation-set', ['--file', 'a.yaml'])
    assert (asked.read('a.yaml'), asked.stdin()) == (b'content', b'\xff')
    with pytest.raises(FileNotFoundError):
        asked.read('b.yaml')


@pytest.mark.parametrize(
    'fields', [[], [b'ctx'], [b'ctx', b'tool', b'many'], [b'ctx', b'tool', b'1', b'a', b'odd']], ids=str
)
def test_a_request_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValueError, match=r'.'):
        _server.request(_server.encode(fields))


@pytest.mark.parametrize(
    ('arguments', 'files'),
    [
        ([b'--file', b'x'], [b'x', b'of x']),
        ([b'--file=x', b'a=b'], [b'x', b'of x']),
        ([b'a=b', b'--file', b'-'], [b'-', b'typed']),
        ([b'--', b'--file', b'x'], []),
        ([b'--file'], []),
    ],
    ids=str,
)
def test_the_client_sends_the_files_that_a_tool_may_read(agent, arguments, files):
    (agent.folder / 'x').write_bytes(b'of x')
    asked, _ = agent.serve(arguments, _server.encode([b'0', b'', b'']), b'typed')
    assert asked[3 + len(arguments) :] == files


def test_the_client_names_the_file_it_cannot_read(agent):
    done = subprocess.run(
        [agent.tool, '--file', 'none'],
        env={'JUJU_CONTEXT_ID': 'x', 'JUJU_AGENT_SOCKET_ADDRESS': 'x'},
        cwd=agent.folder,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (1, 'ERROR none: No such file or directory\n')


def test_outside_a_hook_the_tool_says_so(tmp_path):
    tool = tmp_path / 'config-get'
    tool.symlink_to(HOOKTOOL)
    done = subprocess.run([tool], env={}, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, '', 'ERROR JUJU_CONTEXT_ID not set\n')


def test_without_an_engine_the_tool_says_so(tmp_path):
    tool = tmp_path / 'config-get'
    tool.symlink_to(HOOKTOOL)
    env = {'JUJU_CONTEXT_ID': 'x', 'JUJU_AGENT_SOCKET_ADDRESS': str(tmp_path / 'none')}
    done = subprocess.run([tool], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f'ERROR cannot ask the agent at {tmp_path / "none"}: ')


def test_the_client_would_be_strict_and_loads_nothing():
    assert not re.search(r'^\s*(use|require)\b', HOOKTOOL.read_text(), re.MULTILINE)
    done = subprocess.run(['perl', '-Mstrict', '-Mwarnings', '-c', HOOKTOOL], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, f'{HOOKTOOL} syntax OK\n')
