import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from charms.layer.kubernetes_common import api

LIB = Path(__file__).parents[3] / 'layers/kubernetes-common/lib'


class Server(http.server.ThreadingHTTPServer):
    """Answers from a queue and remembers what it was asked."""

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.answers = []
        self.asked = []


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get('Content-Length') or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, self.headers, body))
        status, document, headers = self.server.answers.pop(0)
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for key, value in {'Content-Length': str(len(raw)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer  # noqa: N815 - http.server's names

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={'poll_interval': 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture
def client(server):
    return api.Client(f'http://127.0.0.1:{server.server_port}', token='t0ken', timeout_s=5)


@pytest.mark.parametrize(
    'arguments, path',
    [
        ({'resource': 'nodes', 'name': 'node-a'}, '/api/v1/nodes/node-a'),
        ({'resource': 'pods', 'namespace': 'default'}, '/api/v1/namespaces/default/pods'),
        ({'resource': 'daemonsets', 'namespace': 'x', 'group': 'apps/v1'}, '/apis/apps/v1/namespaces/x/daemonsets'),
        (
            {'resource': 'pods', 'name': 'a/b', 'namespace': 'x', 'subresource': 'eviction'},
            '/api/v1/namespaces/x/pods/a%2Fb/eviction',
        ),
    ],
)
def test_paths_are_those_of_the_api(arguments, path):
    assert api.path(**arguments) == path


@pytest.mark.parametrize(
    'status, kind',
    [
        (401, api.Unauthorized),
        (403, api.Forbidden),
        (404, api.NotFound),
        (409, api.Conflict),
        (422, api.Invalid),
        (429, api.TooManyRequests),
        (400, api.Error),
        (503, api.Unavailable),
    ],
)
def test_each_refusal_is_an_error_of_its_kind_and_shows_no_token(server, client, status, kind):
    server.answers = [(status, {'kind': 'Status', 'message': 'no'}, {})]
    with pytest.raises(kind, match=r'^GET /api/v1/nodes/a at http.*: no$') as caught:
        client.get('nodes', 'a')
    assert type(caught.value) is kind and caught.value.status == status
    assert 't0ken' not in repr(caught.value) + str(caught.value)


def test_an_eviction_that_must_wait_says_how_long(server, client):
    server.answers = [(429, {'message': 'budget'}, {'Retry-After': '7'})]
    with pytest.raises(api.TooManyRequests) as caught:
        client.evict('default', 'web')
    assert caught.value.retry_after_s == 7
    assert server.asked[0][3]['kind'] == 'Eviction'


def test_lists_are_read_to_the_last_page_with_their_selectors(server, client):
    server.answers = [
        (200, {'items': [{'n': 1}], 'metadata': {'continue': 'go on'}}, {}),
        (200, {'items': [{'n': 2}], 'metadata': {}}, {}),
    ]
    assert client.list('pods', fields='spec.nodeName=a', labels='x=y') == [{'n': 1}, {'n': 2}]
    assert 'labelSelector=x%3Dy' in server.asked[0][1] and 'fieldSelector=spec.nodeName%3Da' in server.asked[0][1]
    assert 'continue=go+on' in server.asked[1][1]


def test_a_patch_tells_its_type_and_the_token(server, client):
    server.answers = [(200, {}, {})]
    client.patch('nodes', 'a', {'spec': {'unschedulable': True}}, kind='strategic')
    method, _, headers, body = server.asked[0]
    assert (method, headers['Content-Type']) == ('PATCH', 'application/strategic-merge-patch+json')
    assert headers['Authorization'] == 'Bearer t0ken' and body == {'spec': {'unschedulable': True}}


def test_an_answer_that_is_not_the_apis_means_unavailable(server, client):
    server.answers = [(200, b'<html>', {})]
    with pytest.raises(api.Unavailable):
        client.version()


def test_a_request_that_fails_is_not_repeated(server, client):
    server.answers = [(503, {}, {}), (200, {}, {})]
    with pytest.raises(api.Unavailable):
        client.get('nodes', 'a')
    assert len(server.asked) == 1


def test_a_hook_that_asks_nothing_imports_no_client():
    program = 'import sys; from charms.layer.kubernetes_common import api; api.Client("https://h"); print(*sys.modules)'
    done = subprocess.run(
        [sys.executable, '-c', program], env={'PYTHONPATH': str(LIB)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {'aioclustermanager', 'asyncio', 'http.client'} & set(done.stdout.split()) == set()


def test_a_server_that_is_down_means_unavailable():
    with pytest.raises(api.Unavailable, match='ConnectionRefused'):
        api.Client('http://127.0.0.1:9', timeout_s=2).version()


@pytest.mark.parametrize('text', ['', '[]', 'a: b', '{current-context: x, contexts: []}', '{'])
def test_what_is_no_kubeconfig_is_refused_by_path(tmp_path, text):
    (tmp_path / 'config').write_text(text)
    with pytest.raises(ValueError, match='config is no kubeconfig'):
        api.Client.from_kubeconfig(tmp_path / 'config')
