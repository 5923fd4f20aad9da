"""A page that holds everything itself and needs no kernel: what an exported notebook shows."""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Mapping
from typing import Any

from .files import build, files, text, version


class Page:
    """The playground in a frame; `html` is the page inside it, `save` writes it as a file of its own."""

    def __init__(self, state: Mapping[str, Any], *, theme: str | None = None, height: int = 720) -> None:
        self.html = _document(state, theme)
        self.height = height

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the page to a file that any browser opens, without a network or a server."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.html)

    def _repr_html_(self) -> str:
        style = f"width: 100%; height: {self.height}px; border: 0;"
        return f'<iframe title="minform playground" style="{style}" srcdoc="{html.escape(self.html)}"></iframe>'

    def __repr__(self) -> str:
        return f"Page({len(self.html) / 1e6:.1f} MB; shows the playground where HTML is shown)"


def _document(state: Mapping[str, Any], theme: str | None) -> str:
    attributes = f' theme="{html.escape(theme)}"' if theme else ""
    parts = "\n".join(
        f'<script type="text/plain" data-file="{html.escape(name)}">{base64.b64encode(content).decode()}</script>'
        for name, content in files().items()
    )
    return f"""<!doctype html>
<html lang="en" data-build="{build()}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="minform {version()}">
<title>minform</title>
<style>html, body {{ margin: 0 }}</style>
<body>
<script type="application/json" id="state">{_json(state)}</script>
<minform-playground embedded{attributes}></minform-playground>
{parts}
<script type="module">
{text("page.js")}</script>
</body>
</html>
"""


def _json(state: Mapping[str, Any]) -> str:
    """Texts of the user cannot end the element that they stand in."""
    return json.dumps(state).replace("<", "\\u003c")
