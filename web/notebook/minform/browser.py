"""A WebAssembly build beside a Python that is one itself: Pyodide, as in JupyterLite."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from js import Object, Uint8Array, WebAssembly
from pyodide.ffi import JsException, create_proxy, to_js

from .host import Broken


class Browser:
    """A build that the browser compiles."""

    def __init__(self, build: bytes) -> None:
        self._module = WebAssembly.Module.new(to_js(build))

    def start(self, asked: Callable[..., None]) -> None:
        imports: dict[str, dict[str, Any]] = {}
        for wanted in WebAssembly.Module.imports(self._module):
            imports.setdefault(wanted.module, {})[wanted.name] = create_proxy(partial(asked, wanted.name))
        given = to_js(imports, dict_converter=Object.fromEntries)
        self._exports = WebAssembly.Instance.new(self._module, given).exports

    def call(self, name: str, *values: int) -> Any:
        try:
            return getattr(self._exports, name)(*values)
        except JsException as error:
            raise Broken(str(error)) from error

    def read(self, at: int, length: int) -> bytes:
        content: bytes = self._view(at, length).to_bytes()
        return content

    def write(self, at: int, content: bytes) -> None:
        self._view(at, len(content)).assign(content)

    def _view(self, at: int, length: int) -> Any:
        """Memory has another buffer once it has grown."""
        return Uint8Array.new(self._exports.memory.buffer, at, length)
