"""Sliders beside a drawing."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import ipywidgets  # type: ignore[import-untyped]

Draw = Callable[..., Any]


def interact(**sliders: Any) -> Callable[[Draw], Draw]:
    """`ipywidgets.interact` as a decorator, but in pages without a kernel a drawing with the values it begins with.

    Such pages are made with `MINFORM_STATIC=1`: a slider would move nothing there, and nbclient, which runs the
    notebook for them, may wait for ever for a cell that draws into a widget (jupyter/nbclient#312).
    """
    if os.environ.get("MINFORM_STATIC") != "1":
        return ipywidgets.interact(**sliders)  # type: ignore[no-any-return]

    def once(draw: Draw) -> Draw:
        draw(**{name: getattr(slider, "value", slider) for name, slider in sliders.items()})
        return draw

    return once
