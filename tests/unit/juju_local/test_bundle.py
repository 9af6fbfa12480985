"""Bundles: what is read, what is laid over it, and that every mistake is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from juju_local import _bundle
from juju_local._errors import Refused
from juju_local._state import Charm, Endpoint

ROOT = Path(__file__).parents[3]
FOLDER = Path('/where/it/is')

SMALL = """
name: small
series: jammy
applications:
  web: {charm: ./web, num_units: 2, expose: true, options: {port: 80}, resources: {image: ./web.tgz}}
  db: {charm: mysql, constraints: gpus=nvidia mem=4G}
relations:
  - ['web:db', 'db:clients']
"""


def document(text: str, name: str = 'bundle.yaml') -> _bundle.Document:
    return _bundle.Document(name, text, FOLDER)


def parse(*texts: str) -> _bundle.Bundle:
    return _bundle.parse(document(text, f'{number}.yaml') for number, text in enumerate(texts))


def mistakes(*texts: str) -> list[str]:
    with pytest.raises(_bundle.Mistakes) as caught:
        parse(*texts)
    return caught.value.found


def test_a_bundle_is_read_with_its_paths_made_absolute() -> None:
    bundle = parse(SMALL)
    web = bundle.applications['web']
    assert (web.charm, web.units, web.expose, web.series) == ('/where/it/is/web', 2, True, 'jammy')
    assert web.resources == {'image': '/where/it/is/web.tgz'}
    assert bundle.applications['db'].charm == 'mysql'
    assert bundle.applications['db'].constraints == {'gpus': 'nvidia', 'mem': '4G'}
    assert bundle.relations == (('web:db', 'db:clients'),)


def test_the_bundle_of_this_repository_is_canonical_kubernetes() -> None:
    bundle = _bundle.read([ROOT / 'bundle.yaml'])
    assert bundle.name == 'canonical-kubernetes'
    assert {name: wanted.units for name, wanted in bundle.applications.items()} == {
        'easyrsa': 1,
        'etcd': 1,
        'kubernetes-master': 1,
        'kubernetes-worker': 2,
        'kubeapi-load-balancer': 1,
        'flannel': 0,
    }
    assert len(bundle.relations) == 12
    assert {name for name, wanted in bundle.applications.items() if wanted.expose} == {
        'kubernetes-worker',
        'kubeapi-load-balancer',
    }


def test_an_overlay_merges_options_adds_relations_and_takes_applications_out() -> None:
    overlay = """
    applications:
      web: {num_units: 3, options: {tls: true}}
      db:
      cache: {charm: ./cache}
    relations: [[web:cache, cache:clients]]
    """
    bundle = parse(SMALL, overlay)
    assert bundle.applications['web'].units == 3
    assert bundle.applications['web'].options == {'port': 80, 'tls': True}
    assert list(bundle.applications) == ['web', 'cache']
    assert bundle.relations == (('web:cache', 'cache:clients'),)


def test_a_second_document_of_one_file_is_an_overlay() -> None:
    assert parse(SMALL + '---\napplications: {web: {num_units: 5}}\n').applications['web'].units == 5


def test_all_mistakes_are_told_at_once_with_place_and_remedy() -> None:
    assert mistakes("""
        aplications: {}
        applications:
          web: {charm: ./web, num_units: two, option: {a: 1}, resources: {image: 4}, expose: maybe}
          db: {num_units: 1, constraints: lots, options: {a: [1]}}
        relations:
          - [web]
          - [web:db, dbs:clients]
        """) == [
        "aplications: is no key of a bundle; did you mean 'applications'?",
        "applications.web.option: is no key of a bundle; did you mean 'options'?",
        'applications.web.resources.image: there is no charm store here; give the path of a file',
        'applications.db.options.a: expected text, a number or true/false, got a list; quote it as one text',
        "relations[0]: expected two endpoints, got ['web']; write e.g. ['app:endpoint', 'other:endpoint']",
        "applications.web.num_units: expected how many units, got 'two'; write a number, e.g. 2",
        "applications.web.expose: expected true or false, got 'maybe'",
        'applications.db.charm: no charm is named; write e.g. `charm: ./build/kubernetes-worker`',
        "applications.db.constraints: malformed constraint 'lots'; write key=value, e.g. gpus=nvidia",
        "relations: dbs:clients names no application of this bundle; did you mean 'db'?",
    ]


@pytest.mark.parametrize(
    'text, mistake',
    [
        ('applications: [', '0.yaml: not valid YAML'),
        ('applications: {a: {charm: ./a}, a: {charm: ./b}}', "key 'a' stands twice"),
        ('- a', '0.yaml: expected a mapping, got a list'),
        ('{}', 'applications: the bundle has none'),
        ('applications: {a: }', 'applications.a: is empty'),
        ('applications: {a: {charm: ./a, options: {x: include-file://none}}}', 'cannot read /where/it/is/none'),
    ],
)
def test_a_broken_bundle_says_what_is_broken(text: str, mistake: str) -> None:
    assert any(mistake in found for found in mistakes(text))


def test_an_option_may_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / 'key').write_text('secret')
    text = 'applications: {a: {charm: b, options: {x: include-file://key, y: include-base64://key}}}'
    wanted = _bundle.parse([_bundle.Document('b', text, tmp_path)]).applications['a']
    assert wanted.options == {'x': 'secret', 'y': 'c2VjcmV0'}


def charm(name: str, subordinate: bool = False) -> Charm:
    endpoints = {'db': Endpoint('db', 'requirer', 'sql')}
    return Charm(f'local:{name}-0', name, 0, '', subordinate, 'jammy', endpoints, {'port': {}}, {}, {'image': {}})


def test_a_bundle_is_held_against_its_charms() -> None:
    bundle = parse("""
        applications:
          web: {charm: ./web, num_units: 1, options: {prot: 80}, resources: {imag: ./x, image: ./gone}}
          log: {charm: ./log, num_units: 1}
        relations: [[web:dbs, log:db]]
        """)
    assert _bundle.check(bundle, {'web': charm('web'), 'log': charm('log', subordinate=True)}) == [
        "applications.web.options.prot: web has no such option; did you mean 'port'?",
        "applications.web.resources.imag: web has no such resource; did you mean 'image'?",
        'applications.web.resources.image: there is no file /where/it/is/gone; build it, or mend the path',
        'applications.log.num_units: log is a subordinate; take num_units out, its relations make units',
        "relations: web has no endpoint 'dbs'; did you mean 'db'?",
    ]


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(['./a', 'a:b', 'gpus=1'])
_KEYS = st.sampled_from([*sorted(_bundle.TOP_KEYS)[:6], *sorted(_bundle.APPLICATION_KEYS), 'web', 'db'])
_TREES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5))


@given(st.fixed_dictionaries({'applications': _TREES, 'relations': _TREES}) | _TREES)
def test_whatever_the_bundle_says_the_answer_is_a_bundle_or_a_refusal(tree: object) -> None:
    text = yaml.safe_dump(tree)
    try:
        bundle = parse(text)
    except Refused:
        return
    assert bundle.applications
