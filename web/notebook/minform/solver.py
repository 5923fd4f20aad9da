"""Who computes: minform's own code, as WebAssembly in this process or as the program `minform`; never Python."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

REMEDY = (
    "install wasmtime (`pip install wasmtime`), or put the program minform on the PATH or into MINFORM_BINARY; "
    "Playground needs neither"
)


class MinformError(RuntimeError):
    """What minform says of an input that it cannot take, or of what it lacks."""


class Solver(Protocol):
    """Answers requests; see `web/src/engine/text_calls.rs`."""

    def credit(self, rows: list[dict[str, Any]], form: dict[str, Any], baseline: str) -> list[dict[str, Any]]: ...

    def score(self, problem: str, steps: list[str]) -> dict[str, Any]: ...

    def judge(self, scores: list[float], threshold: float, temperature: float) -> dict[str, Any]: ...

    def split(self, text: str, separator: str) -> list[str]: ...


@lru_cache(maxsize=1)
def solver() -> Solver:
    """The WebAssembly build: in this process, and of the very version of this package; else the program."""
    from .program import Program, find

    try:
        from .wasm import Wasm

        return Wasm()
    except ImportError as error:
        if find() is None:
            raise MinformError(f"nothing here can compute: {REMEDY}") from error
        return Program()
