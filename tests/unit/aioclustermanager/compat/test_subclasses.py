"""A program of 0.3.44 may subclass an object and change what `create` returns: that is what is sent."""

from __future__ import annotations

from typing import Any

import pytest
from aioclustermanager.k8s.deploy import K8SDeploy
from aioclustermanager.k8s.job import K8SJob
from aioclustermanager.k8s.statefulset import K8SStatefulSet
from aioclustermanager.k8s.tf_job import K8STFJob
from aioclustermanager.nomad.job import NomadJob


@pytest.mark.parametrize('kind', [K8SJob, K8SDeploy, K8SStatefulSet, K8STFJob, NomadJob])
def test_what_a_subclass_returns_from_create_is_the_object(kind: Any) -> None:
    class Ours(kind):  # type: ignore[misc]
        def create(self, namespace: str, name: str, image: str, **kw: Any) -> Any:
            made = super().create(namespace, name, image, **kw)
            assert made
            return {**made, 'ours': image}

    made = Ours('space', name='thing', image='busybox', command=['true'], labels={'a': 'b'})
    plain = kind('space', name='thing', image='busybox', command=['true'], labels={'a': 'b'})
    assert made._raw == {**plain._raw, 'ours': 'busybox'}
