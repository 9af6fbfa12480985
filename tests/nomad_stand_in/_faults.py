"""What goes wrong between a client and the cluster, on demand. A fault is used up by the requests that meet it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    'reset before',  # the connection is reset, nothing was done
    'reset after',  # the request is carried out, the connection reset instead of an answer
    'truncated',  # the request is carried out, half of the answer's body arrives
    'refused',  # an error status, nothing was done
    'refused after',  # the request is carried out, an error status is the answer
    'slow',  # the answer is late by delay_s
    'cut',  # a stream breaks off after cut_after bytes of its body
]


@dataclass
class Fault:
    kind: Kind
    path: str = ''  # a regular expression searched in the path; '' meets every request
    method: str = ''
    times: int = 1
    status: int = 500
    text: str = 'rpc error: No cluster leader'
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut_after: int = 0

    def meets(self, method: str, path: str) -> bool:
        return self.method in ('', method) and re.search(self.path, path) is not None


class Faults:
    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self.met: list[tuple[str, str, str]] = []  # (kind, method, path) of each fault that was used

    def add(self, *faults: Fault) -> None:
        self._waiting.extend(faults)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request meets, once less of it left."""
        for fault in self._waiting:
            if fault.meets(method, path):
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                self.met.append((fault.kind, method, path))
                return fault
        return None
