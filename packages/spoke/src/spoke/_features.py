"""Feature gates: what `--feature-gates` may say. Computes only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    default: bool
    stage: str  # alpha or beta


CLUSTER_CLAIM = 'ClusterClaim'
ADDON_MANAGEMENT = 'AddonManagement'
V1BETA1_CSR = 'V1beta1CSRAPICompatibility'
MULTIPLE_HUBS = 'MultipleHubs'  # of 0.14
GATES = {
    CLUSTER_CLAIM: Gate(True, 'beta'),
    ADDON_MANAGEMENT: Gate(True, 'alpha'),
    V1BETA1_CSR: Gate(False, 'alpha'),
    MULTIPLE_HUBS: Gate(False, 'alpha'),
}
_STAGES = {'AllAlpha': 'alpha', 'AllBeta': 'beta'}
_WORDS = {**dict.fromkeys(('1', 't', 'T', 'true', 'TRUE', 'True'), True),
          **dict.fromkeys(('0', 'f', 'F', 'false', 'FALSE', 'False'), False)}  # fmt: skip


def parse(text: str) -> dict[str, bool]:
    """Return what `A=true,B=false` says. Raises ValueError, naming all that is wrong."""
    found: dict[str, bool] = {}
    wrong = []
    for part in filter(None, (piece.strip() for piece in text.split(','))):
        name, equals, value = part.partition('=')
        if name not in GATES and name not in _STAGES:
            wrong.append(f'unknown feature gate {name!r} (known: {", ".join((*GATES, *_STAGES))})')
        elif not equals or value not in _WORDS:
            wrong.append(f'feature gate {name}: expected true or false, got {value!r}')
        else:
            found[name] = _WORDS[value]
    if wrong:
        raise ValueError('; '.join(wrong))
    return found


def is_on(gates: Mapping[str, bool], name: str) -> bool:
    """Tell whether a gate is on: what was said of it, else of its stage, else its default."""
    gate = GATES[name]
    stage = next(key for key, value in _STAGES.items() if value == gate.stage)
    return gates.get(name, gates.get(stage, gate.default))
