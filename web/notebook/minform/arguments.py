"""Arguments as people give them; one that will not do gets a ValueError that names it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn


def refuse(where: str, want: str, *got: Any) -> NoReturn:
    raise ValueError(f"{where} must be {want}" + "".join(f", not {one!r}" for one in got))


def listed(value: Any, where: str) -> list[Any]:
    """A list of something, which a text and a dict are not."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        refuse(where, "a list", value)
    return list(value)


def finite(value: Any) -> float | None:
    """A finite number, or None; those of other libraries count as well."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(number):
        return None
    return int(value) if isinstance(value, int) else number


def number(value: Any, where: str, least: float | None = None) -> float:
    """A finite number, from `least` on."""
    found = finite(value)
    if found is None:
        refuse(where, "a finite number" if isinstance(value, float) else "a number", value)
    if least is not None and found < least:
        refuse(where, f"a number from {least} on", value)
    return float(found)
