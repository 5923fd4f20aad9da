"""The files of the page in a widget model of their own, so that a notebook page gets them once."""

from __future__ import annotations

import anywidget
import traitlets as t

from .files import files

_shelf: Shelf | None = None


class Shelf(anywidget.AnyWidget):
    """Never shown; widgets in the page ask it for its files by name."""

    _esm = "export default {};"
    files = t.Dict().tag(sync=True)


def shelf() -> Shelf:
    """The one of this kernel, made anew if somebody has closed it."""
    global _shelf
    if _shelf is None or _shelf.comm is None:
        _shelf = Shelf(files=files())
    return _shelf
