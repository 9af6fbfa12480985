"""What Nomad has nothing for, under the names that 0.3.44 had, with what they answered."""
# ruff: noqa: ARG002  (the arguments are those of 0.3.44, and of the caller of Kubernetes)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Absent:
    """Config maps and TFJobs."""

    async def get_config_maps(self, namespace: str, labels: Any = None) -> Any:
        raise NotImplementedError('Nomad has no config maps')

    async def tfjob_versions(self) -> list[str]:
        return []

    async def get_tfjob(self, namespace: str, name: str, **kw: Any) -> None:
        return None

    async def list_tfjobs(self, namespace: str, **kw: Any) -> list[Any]:
        return []

    async def delete_tfjob(self, namespace: str, name: str, wait: bool = False, **kw: Any) -> None:
        return None

    async def create_tfjob(
        self,
        namespace: str,
        name: str,
        image: str,
        command: list[str] | None = None,
        args: list[str] | None = None,
        cpu_limit: Any = None,
        mem_limit: Any = None,
        envvars: Mapping[str, Any] | None = None,
        workers: int = 1,
        ps: int = 1,
        masters: int = 1,
        tb_gs: str | None = None,
        **kw: Any,
    ) -> None:
        return None
