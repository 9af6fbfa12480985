"""The bootstrap kubeconfig: usable on a machine that has none of the operator's files, or refused without a quote."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from charms.layer.hub_registration import bootstrap
from hypothesis import given, settings
from hypothesis import strategies as st


def document(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        'apiVersion': 'v1',
        'kind': 'Config',
        'current-context': 'c',
        'contexts': [{'name': 'other', 'context': {}}, {'name': 'c', 'context': {'cluster': 'k', 'user': 'u'}}],
        'clusters': [{'name': 'k', 'cluster': {'server': 'https://hub:6443', **(cluster or {})}}],
        'users': [
            {'name': 'admin', 'user': {'token': 'of-somebody-else'}},
            {'name': 'u', 'user': user or {'token': 's3cret'}},
        ],
    }


def test_only_the_current_context_is_kept() -> None:
    text = bootstrap.checked(
        yaml.safe_dump(document({'certificate-authority-data': 'QQ==', 'proxy-url': 'http://p:1'}))
    )
    assert 'of-somebody-else' not in text
    kept = yaml.safe_load(text)
    assert kept['clusters'][0]['cluster'] == {
        'server': 'https://hub:6443',
        'certificate-authority-data': 'QQ==',
        'proxy-url': 'http://p:1',
    }
    assert kept['users'][0]['user'] == {'token': 's3cret'}
    assert bootstrap.checked(text) == text


@pytest.mark.parametrize(
    ('given_', 'says'),
    [
        ('{', 'no YAML'),
        ('[]', 'no kubeconfig'),
        (yaml.safe_dump({**document(), 'current-context': 'gone'}), 'contexts'),
        (yaml.safe_dump(document({'server': 'http://hub'})), 'https'),
        (yaml.safe_dump(document({'server': 'https://hub:x'})), 'https'),
        (yaml.safe_dump(document({'certificate-authority': '/tmp/ca'})), 'certificate-authority-data'),
        (yaml.safe_dump(document(user={'tokenFile': '/tmp/s3cret', 'token': 's3cret'})), 'tokenFile'),
        (yaml.safe_dump(document(user={'client-certificate-data': 's3cret'})), 'neither'),
        (yaml.safe_dump(document(user={'exec': {'command': 'x'}})), 'neither'),
    ],
)
def test_what_cannot_work_is_refused_without_its_secrets(given_: str, says: str) -> None:
    with pytest.raises(bootstrap.Unusable, match=says) as error:
        bootstrap.checked(given_)
    assert 's3cret' not in str(error.value)


keys = st.sampled_from(['name', 'user', 'cluster', 'context'])
values = st.recursive(
    st.none() | st.integers() | st.sampled_from(['', 'c']),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(['current-context', 'contexts', 'clusters', 'users']), values))
def test_any_document_is_used_or_refused(made: dict[str, Any]) -> None:
    with pytest.raises(bootstrap.Unusable):
        bootstrap.checked(yaml.safe_dump(made))
