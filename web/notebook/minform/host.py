"""What runs a WebAssembly build: wasmtime, or the browser where Python itself runs in one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol


class Broken(Exception):
    """A build broke off, and why."""


class Host(Protocol):
    """A build, compiled once, and its last start."""

    def start(self, asked: Callable[..., None]) -> None:
        """Begins with a fresh memory. `asked` hears the name and the arguments of what the build wants of its host."""

    def call(self, name: str, *values: int) -> Any:
        """What a function gives back; `Broken` if the build breaks off in it."""

    def read(self, at: int, length: int) -> bytes:
        """A piece of its memory."""

    def write(self, at: int, content: bytes) -> None:
        """Puts bytes into its memory."""


def host(build: bytes) -> Host:
    """That of this Python."""
    if sys.platform == "emscripten":
        from .browser import Browser

        return Browser(build)
    from .native import Native

    return Native(build)
