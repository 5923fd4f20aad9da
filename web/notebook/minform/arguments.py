"""Arguments as people give them; what is none gets a ValueError that names the argument."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any


def listed(values: Any, name: str) -> list[Any]:
    """A list of something."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ValueError(f"{name} must be a list, not {values!r}")
    return list(values)


def number(value: Any, name: str) -> float:
    """A number that is neither infinite nor none at all."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, not {value!r}") from None
    if not math.isfinite(found):
        raise ValueError(f"{name} must be a finite number, not {found!r}")
    return found
