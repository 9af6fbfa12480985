"""The wire of the hook tools, from both ends."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path

import juju_local
import pytest
from hypothesis import given
from hypothesis import strategies as st
from juju_local import _server

HOOKTOOL = Path(juju_local.__file__).with_name('hooktool')
FIELDS = st.lists(st.binary())


@pytest.fixture(scope='module')
def hooktool():
    """The client's functions (it runs and exits when it is loaded under its own name)."""
    loader = importlib.machinery.SourceFileLoader('hooktool', str(HOOKTOOL))
    source = HOOKTOOL.read_text().replace('sys.exit(main())', '')
    spec = importlib.util.spec_from_loader('hooktool', loader)
    module = importlib.util.module_from_spec(spec)
    exec(compile(source, str(HOOKTOOL), 'exec'), module.__dict__)  # noqa: S102
    return module


@given(fields=FIELDS)
def test_what_one_end_writes_the_other_reads(hooktool, fields):
    assert _server.decode(hooktool.encode(fields)) == fields
    assert hooktool.decode(_server.encode(fields)) == fields


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
    ('arguments', 'names'),
    [
        ([b'--file', b'x'], [b'x']),
        ([b'--file=x', b'a=b'], [b'x']),
        ([b'a=b', b'--file', b'-'], [b'-']),
        ([b'--', b'--file', b'x'], []),
        ([b'--file'], []),
    ],
    ids=str,
)
def test_the_client_sends_the_files_that_a_tool_may_read(hooktool, arguments, names):
    assert hooktool.files_named(arguments) == names


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


def test_the_client_loads_next_to_nothing():
    run = f'exec(open({str(HOOKTOOL)!r}).read().replace("sys.exit(main())", "main()"))'
    script = f'import sys; sys.argv = ["jujud", "x"]; {run}'
    report = '; print(sorted(set(sys.modules) & {"os", "json", "socket", "re", "subprocess", "collections"}))'
    done = subprocess.run(
        [sys.executable, '-I', '-S', '-c', script + report], capture_output=True, text=True, check=True
    )
    assert done.stdout == '[]\n'
