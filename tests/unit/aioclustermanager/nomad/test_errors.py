"""Nomad refuses with text, and with 500 for much that is the caller's fault."""

from __future__ import annotations

import pytest
from aioclustermanager._http import BadRequest, Conflict, Forbidden, Invalid, NotFound, ServerError, TooManyRequests
from aioclustermanager.nomad._errors import explain


@pytest.mark.parametrize(
    ('status', 'text', 'kind'),
    [
        (500, 'Enforcing job modify index 0: job already exists', Conflict),
        (500, 'rpc error: Enforcing job modify index 5: job exists with conflicting job modify index: 9', Conflict),
        (500, 'namespace "n" has non-terminal jobs in regions: [global]', Conflict),
        (500, 'DeleteJob failed: job not found', NotFound),
        (500, 'job "a" in namespace "default" doesn\'t exist to be deregistered', NotFound),
        (500, 'parameterized job not found', NotFound),
        (500, 'job "a" is in nonexistent namespace "n"', NotFound),
        (500, '1 error occurred:\n\t* Missing job task groups\n\n', Invalid),
        (500, 'cannot update job from type "batch" to "service"', Invalid),
        (500, 'Dispatch request included unpermitted metadata keys: [a]', Invalid),
        (500, 'No path to region', Invalid),
        (500, 'No cluster leader', ServerError),
        (500, 'rpc error: EOF', ServerError),
        (500, 'Unexpected response code: 500 (rpc error: rpc error: failed to get conn: dial tcp)', ServerError),
        (404, 'job not found', NotFound),
        (403, 'Permission denied', Forbidden),
        (403, 'ACL token not found', Forbidden),
        (400, 'Job must be specified', BadRequest),
        (429, 'Your IP is issuing too many concurrent connections', TooManyRequests),
    ],
)
def test_a_refusal_gets_the_kind_that_callers_decide_by(status: int, text: str, kind: type[Exception]) -> None:
    error = explain('POST /v1/jobs', status, text.encode(), None)
    assert type(error) is kind
    assert error.status == status
    assert text.split()[0] in str(error)
