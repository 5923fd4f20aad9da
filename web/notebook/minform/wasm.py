"""The WebAssembly build of the page in this process: text in, text out."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

from .files import unpacked
from .host import Broken, host
from .solver import MinformError


class Wasm:
    """The engine build."""

    def __init__(self) -> None:
        self._host = host(unpacked("engine.wasm"))
        # One instance, one memory: requests from several threads wait for each other.
        self._lock = threading.Lock()
        self._start()

    def _start(self) -> None:
        """Begins with a fresh memory."""
        self._host.start(self._asked)
        self._is_broken = self._has_model = False
        self._call("__wbindgen_start")

    def credit(self, rows: list[dict[str, Any]], form: dict[str, Any], baseline: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask(ask="credit", rows=rows, form=form, baseline=baseline)
        return found

    def score(self, problem: str, steps: list[str]) -> dict[str, Any]:
        with self._lock:
            if not self._has_model:
                names = ("config.json", "tokenizer.json", "model.safetensors")
                self._answer("loadText", *(unpacked(f"nano/prm/{name}") for name in names))
                self._has_model = True
            found: dict[str, Any] = self._answer_to(ask="score", problem=problem, steps=steps)
        return found

    def judge(self, scores: list[float], threshold: float, temperature: float) -> dict[str, Any]:
        found: dict[str, Any] = self._ask(ask="judge", scores=scores, threshold=threshold, temperature=temperature)
        return found

    def split(self, text: str, separator: str) -> list[str]:
        found: list[str] = self._ask(ask="split", text=text, separator=separator)
        return found

    def _ask(self, **request: Any) -> Any:
        with self._lock:
            return self._answer_to(**request)

    def _answer_to(self, **request: Any) -> Any:
        return self._answer("answerText", json.dumps(request, allow_nan=False).encode())

    def _answer(self, function: str, *given: bytes) -> Any:
        """Calls a function of texts or bytes, which gives a text back."""
        if self._is_broken:
            self._start()
        parts = [part for content in given for part in (self._put(content), len(content))]
        at, length = self._call(function, *parts)
        answer = self._host.read(at, length)
        self._call("__wbindgen_free", at, length, 1)
        found = json.loads(answer)
        if isinstance(found, dict) and "error" in found:
            raise MinformError(found["error"])
        return found

    def _put(self, content: bytes) -> int:
        """Bytes that the other side then owns."""
        at: int = self._call("__wbindgen_malloc", len(content), 1)
        self._host.write(at, content)
        return at

    def _call(self, name: str, *values: int) -> Any:
        try:
            return self._host.call(name, *values)
        except Broken as error:
            # Nothing in a memory is to be trusted whose program broke off; the next request begins with a fresh one.
            self._is_broken, self._has_model = True, False
            raise MinformError(f"the engine broke off: {error}") from error

    def _asked(self, name: str, *values: Any) -> None:
        """What the build would ask of a browser: random numbers for names of parameters, and words for its last."""
        if "throw" in name and len(values) == 2:
            raise Broken(self._host.read(*values).decode(errors="replace"))
        if "getRandomValues" in name and len(values) == 2:
            self._host.write(values[0], os.urandom(values[1]))
        elif "init_externref_table" not in name:
            raise Broken(f"{name} asks for a browser")
