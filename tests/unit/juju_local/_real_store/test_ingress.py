"""What the ingress controller of the real store makes of Ingresses."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import juju_local
import pytest
from hypothesis import given
from hypothesis import strategies as st

FOLDER = Path(juju_local.__file__).parent / '_real_store/files/images/ingress/usr/lib/ingress-controller'


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f'{name}.py')
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # they import each other by these names, as they lie in the image
    spec.loader.exec_module(module)
    return module


routes, cache, config = (load(name) for name in ('routes', 'cache', 'config'))
controller = load('controller')
SETTINGS = routes.Settings(default_backend=('ingress', 'fallback'), controller_class='k8s.io/ingress-nginx-w')


def service(name: str, *ports: dict[str, Any]) -> dict[str, Any]:
    return {'metadata': {'name': name, 'namespace': 'default'}, 'spec': {'ports': list(ports)}}


def endpoints(*addresses: str, port: int = 8080, name: str = '') -> dict[str, Any]:
    target = {'port': port} | ({'name': name} if name else {})
    return {'subsets': [{'addresses': [{'ip': each} for each in addresses], 'ports': [target]}]}


def ingress(name: str = 'i', created: str = '2021-01-01T00:00:00Z', notes: Any = None, **spec: Any) -> dict[str, Any]:
    metadata = {'name': name, 'namespace': 'default', 'creationTimestamp': created, 'annotations': notes}
    return {'metadata': metadata, 'spec': spec}


def rule(host: str, name: str = 'web', path: str = '/', kind: str = 'Prefix', port: int = 80) -> dict[str, Any]:
    backend = {'service': {'name': name, 'port': {'number': port}}}
    return {'host': host, 'http': {'paths': [{'path': path, 'pathType': kind, 'backend': backend}]}}


def objects(*ingresses: dict[str, Any], **more: Any) -> dict[str, Any]:
    known = {
        'ingresses': {('default', each['metadata']['name']): each for each in ingresses},
        'services': {
            ('default', 'web'): service('web', {'port': 80, 'targetPort': 8080}),
            ('ingress', 'fallback'): service('fallback', {'port': 80, 'targetPort': 8080}),
        },
        'endpoints': {
            ('default', 'web'): endpoints('10.1.0.2', '10.1.1.3'),
            ('ingress', 'fallback'): endpoints('10.1.0.9'),
        },
        'secrets': {('default', 'tls'): {'metadata': {'resourceVersion': '7'}, 'data': {}}},
        'configmaps': {},
        'ingressclasses': {('', 'nginx-w'): {'spec': {'controller': 'k8s.io/ingress-nginx-w'}}},
    }
    return {**known, **more}


def served(found: dict[str, Any]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return host to path to addresses."""
    return {
        server.host: {each.path: each.addresses for each in server.locations}
        for server in routes.servers(found, SETTINGS)
    }


def test_a_host_is_served_by_the_ready_pods_of_its_service_and_all_else_by_the_default_backend():
    assert served(objects(ingress(rules=[rule('a.example', path='/x')]))) == {
        '': {'/': ('10.1.0.9:8080',)},
        'a.example': {'/x': ('10.1.0.2:8080', '10.1.1.3:8080'), '/': ('10.1.0.9:8080',)},
    }


def test_an_ingress_of_the_versions_before_v1_is_served_too():
    path = {'path': '/', 'backend': {'serviceName': 'web', 'servicePort': 80}}
    found = served(objects(ingress(rules=[{'host': 'a.example', 'http': {'paths': [path]}}])))
    assert found['a.example'] == {'/': ('10.1.0.2:8080', '10.1.1.3:8080')}


def test_a_named_port_is_found_by_its_name():
    web = service('web', {'name': 'http', 'port': 80}, {'name': 'admin', 'port': 81})
    both = {
        'subsets': [
            {'addresses': [{'ip': '10.1.0.2'}], 'ports': [{'name': 'http', 'port': 1}, {'name': 'admin', 'port': 2}]}
        ]
    }
    known = {'services': {('default', 'web'): web}, 'endpoints': {('default', 'web'): both}}
    assert routes.addresses('default', 'web', 'admin', known) == ('10.1.0.2:2',)
    assert routes.addresses('default', 'web', 80, known) == ('10.1.0.2:1',)
    assert routes.addresses('default', 'web', 'other', known) == ()


@pytest.mark.parametrize(
    ('notes', 'spec', 'ours'),
    [
        (None, {}, True),
        ({'kubernetes.io/ingress.class': 'nginx'}, {}, True),
        ({'kubernetes.io/ingress.class': 'traefik'}, {}, False),
        (None, {'ingressClassName': 'nginx-w'}, True),
        (None, {'ingressClassName': 'another'}, False),
    ],
)
def test_only_ingresses_of_its_class_or_of_none_are_served(notes, spec, ours):
    found = served(objects(ingress(notes=notes, rules=[rule('a.example')], **spec)))
    assert ('a.example' in found) is ours


def test_of_two_that_ask_for_the_same_the_older_one_has_it():
    young = ingress('young', '2022-01-01T00:00:00Z', rules=[rule('a.example', name='nobody')])
    old = ingress('old', '2021-01-01T00:00:00Z', rules=[rule('a.example')])
    assert served(objects(young, old))['a.example']['/'] == ('10.1.0.2:8080', '10.1.1.3:8080')


def test_tls_of_a_secret_that_is_there_redirects_plain_requests_unless_told_not_to():
    tls = [{'hosts': ['a.example'], 'secretName': 'tls'}]
    for notes, redirects in ((None, True), ({'nginx.ingress.kubernetes.io/ssl-redirect': 'false'}, False)):
        found = routes.servers(objects(ingress(notes=notes, rules=[rule('a.example')], tls=tls)), SETTINGS)
        assert (found[1].certificate, found[1].redirects) == (('default', 'tls'), redirects)
    missing = [{'hosts': ['a.example'], 'secretName': 'nowhere'}]
    found = routes.servers(objects(ingress(rules=[rule('a.example')], tls=missing)), SETTINGS)
    assert (found[1].certificate, found[1].redirects) == (('', ''), False)


def test_flags_are_those_of_the_namesake():
    given = ['--default-backend-service=ns/be', '--configmap=ns/c', '--controller-class=x', '--annotations-prefix=p']
    found = controller.flags([*given, '--watch-ingress-without-class=true'])
    assert found == routes.Settings(('ns', 'be'), ('ns', 'c'), 'x', 'nginx', True)
    assert controller.flags(given).without_class is False
    assert controller.flags(given[:2]).without_class is True


def test_the_configuration_names_each_set_of_addresses_once():
    text = config.render(routes.servers(objects(ingress(rules=[rule('a'), rule('b')])), SETTINGS), {}, {})
    assert text.count('server 10.1.0.2:8080; server 10.1.1.3:8080;') == 1
    assert text.count('upstream ') == 2


@pytest.mark.parametrize(
    ('settings', 'size'),
    [
        ({}, '1m'),
        ({'body-size': '1024m'}, '1024m'),
        ({'proxy-body-size': '8m', 'body-size': '1m'}, '8m'),
        ({'body-size': '1;'}, '1m'),
    ],
)
def test_the_config_map_says_how_large_requests_may_be(settings, size):
    assert f'client_max_body_size {size};' in config.render([], settings, {})


@given(host=st.text(), path=st.text(), size=st.text())
def test_no_text_in_an_ingress_can_add_a_directive(host, path, size):
    location = routes.Location(path, False, ('10.0.0.1:80',), body_size=size)
    text = config.render([routes.Server(host, (location,))], {'body-size': size}, {})
    shape = re.compile(r'[{};]')
    plain = config.render(
        [routes.Server('h', (routes.Location('/p', False, ('10.0.0.1:80',), body_size='1m'),))], {}, {}
    )
    assert len(shape.findall(text)) <= len(shape.findall(plain))


def test_a_missing_certificate_is_replaced_by_the_fake_one(tmp_path):
    server = routes.Server('a.example', (), ('default', 'tls'))
    assert 'ssl_certificate /etc/ingress-controller/fake.pem;' in config.render([server], {}, {})
    own = config.render([server], {}, {('default', 'tls'): '/tmp/certificates/default_tls'})
    assert 'ssl_certificate_key /tmp/certificates/default_tls.key;' in own


def test_the_program_starts_with_the_python_of_the_image_alone():
    done = subprocess.run(
        ['/usr/bin/python3', '-BIS', '-c', f'import sys; sys.path.insert(0, {str(FOLDER)!r}); import controller'],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, '')
