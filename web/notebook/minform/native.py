"""A WebAssembly build in a Python of its own, by wasmtime."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import wasmtime

from .host import Broken


class Native:
    """A build that wasmtime compiles, and keeps for the next process."""

    def __init__(self, build: bytes) -> None:
        config = wasmtime.Config()
        # Without a folder of its own, as in a read-only home, it is compiled in every process.
        with contextlib.suppress(wasmtime.WasmtimeError):
            config.cache = True
        self._engine = wasmtime.Engine(config)
        self._module = wasmtime.Module(self._engine, build)

    def start(self, asked: Callable[..., None]) -> None:
        self._store = wasmtime.Store(self._engine)
        imports = [self._import(one, asked) for one in self._module.imports]
        self._exports = wasmtime.Instance(self._store, self._module, imports).exports(self._store)

    def call(self, name: str, *values: int) -> Any:
        function = self._exports[name]
        assert isinstance(function, wasmtime.Func)
        try:
            return function(self._store, *values)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            raise Broken(str(error)) from error

    def read(self, at: int, length: int) -> bytes:
        return bytes(self._memory.read(self._store, at, at + length))

    def write(self, at: int, content: bytes) -> None:
        self._memory.write(self._store, content, at)

    @property
    def _memory(self) -> wasmtime.Memory:
        memory = self._exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        return memory

    def _import(self, wanted: wasmtime.ImportType, asked: Callable[..., None]) -> wasmtime.Func:
        of_type = wanted.type
        assert isinstance(of_type, wasmtime.FuncType)
        return wasmtime.Func(self._store, of_type, partial(asked, str(wanted.name)))
