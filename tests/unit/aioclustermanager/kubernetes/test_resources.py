"""Paths, selectors, errors: what is computed."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Resource, _contains, _resources, _status, resources
from hypothesis import given
from hypothesis import strategies as st


def test_paths_are_those_of_the_api_conventions() -> None:
    assert resources.PODS.one('p', 'n', 'log') == '/api/v1/namespaces/n/pods/p/log'
    assert resources.PODS.collection() == '/api/v1/pods'
    assert resources.NODES.one('a') == '/api/v1/nodes/a'
    assert resources.DEPLOYMENTS.collection('n') == '/apis/apps/v1/namespaces/n/deployments'
    custom = Resource('kubeflow.org', 'v1', 'tfjobs', 'TFJob')
    assert (custom.one('j', 'n'), custom.api_version) == (
        '/apis/kubeflow.org/v1/namespaces/n/tfjobs/j',
        'kubeflow.org/v1',
    )


@pytest.mark.parametrize(
    ('wrong', 'why'),
    [
        (lambda: resources.PODS.one('p'), "pods are in namespaces: which one is 'p' in"),
        (lambda: resources.NODES.one('a', 'n'), "nodes are in no namespace, but 'n' was given"),
        (lambda: resources.NODES.one(''), "'' cannot be a name"),
        (lambda: resources.NODES.one('..'), "'..' cannot be a name"),
    ],
)
def test_a_path_that_would_mean_something_else_is_refused(wrong: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        wrong()


@given(st.text(min_size=1, max_size=20).filter(lambda name: name not in ('.', '..')))
def test_any_other_name_is_one_segment_and_comes_back(name: str) -> None:
    try:
        segment = _resources.segment(name)
    except UnicodeEncodeError:
        return  # half of a surrogate pair is no text
    assert unquote(segment) == name
    assert all(character not in segment for character in '/?# \r\n') and segment.isascii()


@given(st.dictionaries(st.sampled_from(['labelSelector', 'limit', 'continue']), st.text(min_size=1, max_size=9)))
def test_a_query_comes_back_as_it_was(parameters: dict[str, str]) -> None:
    try:
        text = _resources.query(parameters)
    except UnicodeEncodeError:
        return
    assert {key: values[0] for key, values in parse_qs(urlsplit(text).query).items()} == parameters


def test_selectors_are_one_parameter() -> None:
    labels = _resources.selector({'app': 'web', 'tier': 'front'})
    assert _resources.query({'labelSelector': labels, 'limit': 0, 'watch': True}) == (
        '?labelSelector=app%3Dweb%2Ctier%3Dfront&watch=true'
    )
    assert _resources.selector('app in (a, b)') == 'app in (a, b)'


@pytest.mark.parametrize(
    ('status', 'reason', 'kind'),
    [
        (400, 'BadRequest', kubernetes.BadRequest), (401, 'Unauthorized', kubernetes.Unauthorized),
        (403, 'Forbidden', kubernetes.Forbidden), (404, 'NotFound', kubernetes.NotFound),
        (405, 'MethodNotAllowed', kubernetes.MethodNotAllowed), (409, 'AlreadyExists', kubernetes.AlreadyExists),
        (409, 'Conflict', kubernetes.Conflict), (410, 'Expired', kubernetes.Gone), (410, 'Gone', kubernetes.Gone),
        (422, 'Invalid', kubernetes.Invalid), (429, 'TooManyRequests', kubernetes.TooManyRequests),
        (500, 'InternalError', kubernetes.ServerError), (503, 'ServiceUnavailable', kubernetes.Unavailable),
        (418, '', kubernetes.HttpError),
    ],
)  # fmt: skip
def test_an_error_is_of_the_kind_its_status_says(status: int, reason: str, kind: type[Exception]) -> None:
    document = {'kind': 'Status', 'message': 'the message', 'reason': reason, 'code': status, 'details': {'name': 'x'}}
    error = _status.explain('GET /x', status, json.dumps(document).encode())
    assert type(error) is kind and (error.status, error.reason, error.message) == (status, reason, 'the message')
    assert error.details == {'name': 'x'} and str(error) == f'GET /x: {status} {reason}: the message'


def test_how_long_to_wait_is_taken_from_the_details_where_no_header_says_it() -> None:
    document = {'kind': 'Status', 'code': 429, 'reason': 'TooManyRequests', 'details': {'retryAfterSeconds': 7}}
    assert _status.explain('r', 429, json.dumps(document).encode()).retry_after_s == 7
    assert _status.explain('r', 429, json.dumps(document).encode(), 1.0).retry_after_s == 1


@given(st.binary(max_size=400), st.integers(400, 599))
def test_any_body_makes_an_error_of_that_status_and_a_short_message(body: bytes, status: int) -> None:
    error = _status.explain('r', status, body)
    assert error.status == status and len(str(error)) < 350


OBJECTS = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from('abcd'), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from('abcd'), OBJECTS, max_size=3), st.dictionaries(st.sampled_from('xyz'), OBJECTS))
def test_what_the_server_adds_does_not_make_an_object_another(sent: dict[str, Any], added: dict[str, Any]) -> None:
    assert _contains.contains({**copy.deepcopy(sent), **added, 'metadata': {'uid': 'u'}}, sent)


@pytest.mark.parametrize(
    ('there', 'same'),
    [
        ({'spec': {'a': [{'b': 1, 'added': 2}]}}, True),
        ({'spec': {'a': [{'b': 2}]}}, False),
        ({'spec': {'a': [{'b': 1}, {'b': 1}]}}, False),
        ({'spec': {}}, False),
        ({}, False),
    ],
)
def test_an_object_of_somebody_else_is_told_apart(there: dict[str, Any], same: bool) -> None:
    sent = {'metadata': {'resourceVersion': '7'}, 'spec': {'a': [{'b': 1}], 'nothing': {}}}
    assert _contains.contains({'metadata': {}, **there}, sent) is same
