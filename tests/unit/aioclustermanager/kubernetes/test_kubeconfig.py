"""Kubeconfig files, and what runs inside a pod."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import stat
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from aioclustermanager.kubernetes import (
    Client,
    InvalidConfiguration,
    TokenFile,
    _exec_plugin,
    in_cluster,
    kubeconfig,
    resources,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.aioclustermanager.scripted import answer, scripted


def document(user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    return {
        'current-context': 'c',
        'clusters': [{'name': 'k', 'cluster': {'server': 'https://10.0.0.1:6443', **cluster}}],
        'users': [{'name': 'u', 'user': user or {}}],
        'contexts': [{'name': 'c', 'context': {'cluster': 'k', 'user': 'u', 'namespace': 'n'}}],
    }


def loaded(content: dict[str, Any], **options: Any) -> kubeconfig.Configuration:
    return kubeconfig.configuration(kubeconfig.merged([content]), **options)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_cluster_says_where_the_server_is_and_why_to_trust_it() -> None:
    extra = {'certificate-authority-data': b64('PEM'), 'tls-server-name': 'kubernetes', 'proxy-url': 'http://p:3128'}
    found = loaded(document(**extra))
    assert (found.server, found.proxy, found.namespace) == ('https://10.0.0.1:6443', 'http://p:3128', 'n')
    assert (found.tls.ca, found.tls.server_name, found.tls.verify) == (b'PEM', 'kubernetes', True)  # type: ignore[union-attr]
    assert loaded(document(**{'insecure-skip-tls-verify': True})).tls.verify is False  # type: ignore[union-attr]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ('user', 'header'),
    [
        ({'token': 't'}, 'Bearer t'),
        ({'username': 'u', 'password': 'p'}, 'Basic ' + b64('u:p')),
        ({'token': 't', 'username': 'u', 'password': 'p'}, 'Bearer t'),
    ],
)
async def test_a_user_is_shown_to_the_server_as_kubectl_does(user: dict[str, Any], header: str) -> None:
    grant = await loaded(document(user)).authentication.grant()  # type: ignore[union-attr]
    assert grant.headers == {'Authorization': header}


def test_a_token_file_comes_before_a_token_and_stays_a_file() -> None:
    assert loaded(document({'tokenFile': '/t', 'token': 'x'})).authentication == TokenFile('/t')


@pytest.mark.asyncio
async def test_acting_as_somebody_else_is_said_in_every_request() -> None:
    grant = await loaded(document({'token': 't', 'as': 'jane', 'as-groups': ['dev']})).authentication.grant()  # type: ignore[union-attr]
    assert grant.headers == {'Authorization': 'Bearer t', 'Impersonate-User': 'jane', 'Impersonate-Group': 'dev'}


def test_embedded_data_comes_before_files_and_files_are_relative_to_their_kubeconfig(tmp_path: Path) -> None:
    path = tmp_path / 'sub' / 'config'
    path.parent.mkdir()
    user = {'client-certificate': 'c.pem', 'client-key': '/abs/k.pem', 'client-key-data': b64('KEY')}
    path.write_text(yaml.safe_dump(document(user, **{'certificate-authority': 'ca.pem'})))
    tls: Any = kubeconfig.load(path).tls
    assert tls.ca_file == str(tmp_path / 'sub' / 'ca.pem')
    assert tls.client.certificate_file == str(tmp_path / 'sub' / 'c.pem')
    assert (tls.client.key, tls.client.key_file) == (b'KEY', '')


def test_of_several_files_the_first_to_name_a_thing_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / 'first', tmp_path / 'second'
    first.write_text(yaml.safe_dump({'clusters': [{'name': 'k', 'cluster': {'server': 'https://first:1'}}]}))
    second.write_text(yaml.safe_dump(document()))
    monkeypatch.setenv('KUBECONFIG', f'{first}{os.pathsep}{tmp_path / "absent"}{os.pathsep}{second}')
    found = kubeconfig.load()
    assert (found.server, found.namespace) == ('https://first:1', 'n')


def test_another_context_than_the_current_one_can_be_named() -> None:
    content = document()
    content['contexts'].append({'name': 'd', 'context': {'cluster': 'k'}})
    assert loaded(content, context='d').namespace == 'default'


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'current-context': ''}, 'no current-context'),
        ({'current-context': 'x'}, r"no context 'x' \(the current one\); it has c"),
        (
            {'contexts': [{'name': 'c', 'context': {'cluster': 'gone'}}]},
            "no cluster 'gone' .*named by context 'c'.*it has k",
        ),
        ({'contexts': [{'name': 'c', 'context': {'cluster': 'k', 'user': 'gone'}}]}, "no user 'gone'"),
        ({'clusters': [{'name': 'k', 'cluster': {}}]}, "cluster 'k' .* has no server"),
        (
            {'clusters': [{'name': 'k', 'cluster': {'server': 'https://h', 'certificate-authority-data': '?'}}]},
            'no base64',
        ),
        (
            {'users': [{'name': 'u', 'user': {'auth-provider': {'name': 'gcp'}}}]},
            "auth-provider 'gcp' is not supported",
        ),
        ({'users': [{'name': 'u', 'user': {'client-key-data': b64('K')}}]}, 'a client key, but no client certificate'),
        (
            {'users': [{'name': 'u', 'user': {'exec': {'command': 'x', 'apiVersion': 'v0'}}}]},
            "exec has apiVersion 'v0'",
        ),
        ({'users': [{'name': 'u', 'user': {'exec': {'apiVersion': 'client.authentication.k8s.io/v1'}}}]}, 'no command'),
    ],
)
def test_what_does_not_fit_together_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidConfiguration, match=named):
        loaded({**document(), **change})


@pytest.mark.parametrize(('content', 'why'), [('token: [SECRET', 'is no YAML at line'), ('- 1', 'is no mapping')])
def test_a_file_that_is_no_kubeconfig_is_refused_without_quoting_it(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / 'config'
    path.write_text(content)
    with pytest.raises(InvalidConfiguration, match=why) as caught:
        kubeconfig.load(path)
    assert 'SECRET' not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidConfiguration, match=r'cannot read the kubeconfig .*absent: No such file'):
        kubeconfig.load(tmp_path / 'absent')
    monkeypatch.setenv('KUBECONFIG', str(tmp_path / 'absent'))
    with pytest.raises(InvalidConfiguration, match=r'no kubeconfig: none of .*absent exists'):
        kubeconfig.load()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


KEYS = st.sampled_from(sorted({*kubeconfig._SHAPES, 'command', 'args', 'env', 'apiVersion'}))
ENTRIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(['k', 'https://h', 'client.authentication.k8s.io/v1']),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(ENTRIES, ENTRIES, ENTRIES)
def test_whatever_a_file_holds_it_is_a_configuration_or_a_clear_refusal(
    tmp_path_factory: pytest.TempPathFactory, cluster: object, user: object, lists: object
) -> None:
    path = tmp_path_factory.getbasetemp() / 'any.kubeconfig'
    entries = {'clusters': [{'name': 'k', 'cluster': cluster}], 'users': [{'name': 'k', 'user': user}]}
    contexts = [{'name': 'k', 'context': {'cluster': 'k', 'user': 'k'}}]
    for content in ({**entries, 'contexts': contexts}, {**entries, 'contexts': lists}, {'clusters': lists}, lists):
        named = {**content, 'current-context': 'k'} if isinstance(content, dict) else content
        path.write_text(json.dumps(named))
        with contextlib.suppress(InvalidConfiguration):
            assert kubeconfig.load(path).server


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('clusters: 5', 'clusters is no list'),
        ('clusters: [5]', 'clusters holds something that is no mapping with a cluster'),
        ('clusters: [{name: k, cluster: {certificate-authority: []}}]', 'certificate-authority of an entry in cl'),
        ('current-context: {}\ncontexts: 1', 'contexts is no list'),
        ('users: [{name: k, user: {token: 2020-13-41}}]', 'is no YAML'),
    ],
)
def test_a_file_of_another_shape_is_refused_with_what_is_wrong(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / 'kubeconfig'
    path.write_text(text)
    with pytest.raises(InvalidConfiguration, match=f'{re.escape(str(path))} .*{fault}'):
        kubeconfig.load(path)


@given(VALUES)
def test_whatever_a_plugin_prints_it_is_a_grant_or_a_clear_refusal(printed: object) -> None:
    version = 'client.authentication.k8s.io/v1'
    for output in (
        json.dumps(printed),
        json.dumps({'kind': 'ExecCredential', 'apiVersion': version, 'status': printed}),
    ):
        with pytest.raises(InvalidConfiguration, match=r'^owner: exec '):
            _exec_plugin.granted(output.encode(), 'owner', version, 0.0, 0.0)


PLUGIN = """#!/bin/sh
echo run >> "$COUNT"
n=$(wc -l < "$COUNT")
case "$KUBERNETES_EXEC_INFO" in *'"server":"'*) ;; *) echo "not told" >&2; exit 3;; esac
printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1",'
printf '"status":{"token":"t%s","expirationTimestamp":"%s"}}' "$n" "$1"
"""


@pytest.mark.asyncio
@pytest.mark.usefixtures('no_leaks')
async def test_a_plugin_is_asked_once_until_its_token_expires(tmp_path: Path) -> None:
    program, count = tmp_path / 'plugin', tmp_path / 'count'
    program.write_text(PLUGIN)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def user(expires: float) -> dict[str, Any]:
        at = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + expires))
        entry = {
            'apiVersion': 'client.authentication.k8s.io/v1beta1', 'command': str(program), 'args': [at],
            'env': [{'name': 'COUNT', 'value': str(count)}], 'provideClusterInfo': True,
        }  # fmt: skip
        return {'exec': entry}

    async with scripted(last=answer(200, {})) as server:
        for expires, expected in ((3600, ['t1', 't1']), (-1, ['t2', 't3'])):
            async with Client(loaded(document(user(expires), server=server.url))) as client:
                await client.get(resources.NODES, 'a')
                await client.get(resources.NODES, 'b')
            tokens = [request.headers['authorization'].removeprefix('Bearer ') for request in server.requests[-2:]]
            assert tokens == expected


@pytest.mark.asyncio
@pytest.mark.usefixtures('no_leaks')
@pytest.mark.parametrize(
    ('command', 'arguments', 'why'),
    [
        ('/nowhere/plugin', [], r'cannot run /nowhere/plugin: No such file or directory\. apt install it'),
        ('sh', ['-c', 'echo broken >&2; exit 2'], r'sh failed \(2\): broken'),
        ('sh', ['-c', 'echo "{}"'], 'exec printed no ExecCredential'),
    ],
)
async def test_a_plugin_that_fails_is_named_with_what_it_said(command: str, arguments: list[str], why: str) -> None:
    entry = {'apiVersion': 'client.authentication.k8s.io/v1', 'command': command, 'args': arguments}
    async with Client(loaded(document({'exec': {**entry, 'installHint': 'apt install it'}}))) as client:
        with pytest.raises(InvalidConfiguration, match=why):
            await client.get(resources.NODES, 'a')


def test_a_pod_finds_its_server_and_its_token(tmp_path: Path) -> None:
    (tmp_path / 'token').write_text('t')
    (tmp_path / 'ca.crt').write_text('x')
    (tmp_path / 'namespace').write_text('here\n')
    found = in_cluster.load({'KUBERNETES_SERVICE_HOST': 'fd00::1', 'KUBERNETES_SERVICE_PORT': '443'}, tmp_path)
    assert (found.server, found.namespace) == ('https://[fd00::1]:443', 'here')
    assert found.authentication == TokenFile(str(tmp_path / 'token'))
    assert found.tls.ca_file == str(tmp_path / 'ca.crt')  # type: ignore[union-attr]


def test_outside_a_pod_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r'not in a pod: KUBERNETES_SERVICE_HOST'):
        in_cluster.load({}, tmp_path)
    with pytest.raises(InvalidConfiguration, match=r'there is no .*token'):
        in_cluster.load({'KUBERNETES_SERVICE_HOST': 'h', 'KUBERNETES_SERVICE_PORT': '1'}, tmp_path)
