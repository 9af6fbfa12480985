"""HTTP from outside, through the workers' ingress."""

from __future__ import annotations

import shlex

from tests.e2e.cluster import OUTSIDE, WORKERS, Object, Real, names, service, web
from tests.model.cluster import WORKER

HOST = 'site.example'


def ingress(name: str) -> Object:
    backend = {'service': {'name': name, 'port': {'number': 80}}}
    rule = {'host': HOST, 'http': {'paths': [{'path': '/', 'pathType': 'Prefix', 'backend': backend}]}}
    kind = {'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress'}
    return {**kind, 'metadata': {'name': name}, 'spec': {'rules': [rule]}}


def asked(real: Real, unit: str, host: str) -> tuple[str, str]:
    """Return status and text of what a worker answers to somebody outside who asks for a host."""
    url = f'http://{real.address(unit)}/'
    words = ['curl', '--silent', '--max-time', '3', '--header', f'Host: {host}', '--write-out', '\\n%{http_code}', url]
    text, _, status = real.shell(OUTSIDE, shlex.join(words), check=False).rpartition('\n')
    return status, text.strip()


def test_the_ingress_routes_hosts_answers_404_for_others_and_goes_with_its_option(real: Real) -> None:
    for unit in WORKERS:
        assert real.eventually(lambda unit=unit: asked(real, unit, 'nobody.example')[0] == '404', 180)  # type: ignore[misc]
        assert {'80/tcp', '443/tcp'} <= set(real.units()[unit]['open-ports'])
    real.apply(web('site', 2), service('site', 30530), ingress('site'))
    pods = real.until_running('app=site', 2)
    for unit in WORKERS:
        assert real.eventually(lambda unit=unit: asked(real, unit, HOST)[0] == '200', 180)  # type: ignore[misc]
        assert asked(real, unit, HOST)[1] in names(pods)
        assert asked(real, unit, 'nobody.example')[0] == '404'

    real.juju('config', WORKER, 'ingress=false')
    assert not {'80/tcp', '443/tcp'} & set(real.units()[WORKERS[0]].get('open-ports', []))
    assert real.eventually(lambda: {asked(real, unit, HOST)[0] for unit in WORKERS} == {'000'}, 180)
    assert real.get('daemonsets', '-A')['items'] == []
    real.juju('config', WORKER, '--reset', 'ingress')
    assert real.eventually(lambda: asked(real, WORKERS[1], HOST)[0] == '200', 180)
    real.delete('deployment/site', 'service/site', 'ingress/site')
