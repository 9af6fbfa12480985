"""Reading a charm directory, and what makes it a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest
from juju_local import _charm, _plan
from juju_local._errors import Refused
from juju_local._state import Endpoint

METADATA = """
name: web-2a
summary: serves
series: [focal, jammy]
provides:
  website: http
  metrics: {interface: prometheus}
requires:
  db: {interface: sql}
  host: {interface: juju-info, scope: container}
peers:
  ring: {interface: gossip}
resources:
  image: {type: file, filename: image.tgz, description: x}
storage:
  data: {type: filesystem}
extra-bindings:
  public:
"""


def directory(path: Path, **files: str) -> Path:
    for name, text in {'metadata': METADATA, **files}.items():
        (path / (f'{name}.yaml' if name in ('metadata', 'config', 'actions') else name)).write_text(text)
    return path


def test_endpoints_are_read_in_both_notations_and_juju_info_is_implied(tmp_path):
    charm = _charm.load(directory(tmp_path))
    assert charm.endpoints['website'] == Endpoint('website', 'provider', 'http')
    assert charm.endpoints['metrics'] == Endpoint('metrics', 'provider', 'prometheus')
    assert charm.endpoints['host'] == Endpoint('host', 'requirer', 'juju-info', 'container')
    assert charm.endpoints['ring'].role == 'peer'
    assert charm.endpoints['juju-info'] == Endpoint('juju-info', 'provider', 'juju-info', implicit=True)
    assert (charm.series, charm.extra_bindings, charm.subordinate) == ('jammy', ['public'], False)


def test_options_get_their_types_and_defaults(tmp_path):
    config = 'options: {a: {type: int, default: 3}, b: {type: boolean}, c: {default: x}, d: {type: float, default: 1}}'
    options = _charm.load(directory(tmp_path, config=config)).options
    assert {name: (option['type'], option['default']) for name, option in options.items()} == {
        'a': ('int', 3),
        'b': ('boolean', None),
        'c': ('string', 'x'),
        'd': ('float', 1.0),
    }


def test_actions_revision_and_version_are_read(tmp_path):
    charm = _charm.load(directory(tmp_path, actions='pause:\n', revision='7\n', version='v1-2-gabc\n'))
    assert (charm.actions, charm.revision, charm.version) == ({'pause': {}}, 7, 'v1-2-gabc')


@pytest.mark.parametrize(
    'files, words',
    [
        ({'metadata': 'name: Web'}, r'metadata\.yaml: name: expected lower-case'),
        ({'metadata': '[]'}, r'metadata\.yaml: expected a mapping, got list'),
        ({'metadata': 'name: {'}, r'metadata\.yaml: while parsing a flow node expected .* line 1, column 8'),
        ({'metadata': 'name: a\nprovides: {x: {}}'}, r'provides: x: expected an interface'),
        ({'metadata': 'name: a\nprovides: [x]'}, r'provides: expected a mapping, got list'),
        ({'metadata': 'name: a\nprovides: {x: y}\nrequires: {x: y}'}, r'requires: x: an endpoint of this name'),
        ({'metadata': 'name: a\nrequires: {x: {interface: y, scope: all}}'}, r'scope: expected global or container'),
        ({'metadata': 'name: a\nprovides: {juju-x: y}'}, r'reserved'),
        ({'metadata': 'name: a\nsubordinate: true\nrequires: {x: y}'}, r'lacks a requires endpoint with scope'),
        ({'metadata': 'name: a\nresources: {x: {type: file}}'}, r'resources: x: expected type: file and a filename'),
        ({'config': 'options: {a: {type: number}}'}, r'config\.yaml: options: a: type: expected one of string, int'),
        ({'config': 'options: {a: {type: int, default: x}}'}, r"options: a: default: option 'a' expected int, got 'x'"),
        ({'actions': 'pause: now'}, r'actions\.yaml: pause: expected a mapping'),
    ],
)  # fmt: skip
def test_a_bad_charm_is_refused_by_file_and_reason(tmp_path, files, words):
    with pytest.raises(Refused, match=words):
        _charm.load(directory(tmp_path, **files))


def test_a_directory_without_metadata_is_no_charm(tmp_path):
    with pytest.raises(Refused, match='no such file, so this is no charm'):
        _charm.load(tmp_path)


def test_each_charm_that_is_added_gets_a_revision_of_its_own(tmp_path):
    model = _plan.new_model('m', 'u', 0.0)
    charm = _charm.load(directory(tmp_path, revision='3'))
    urls = [_plan.add_charm(model, charm) for _ in range(2)]
    assert [found.url for found in urls] == ['local:jammy/web-2a-3', 'local:jammy/web-2a-4']
    assert urls[0].directory == 'charms/web-2a-3'
