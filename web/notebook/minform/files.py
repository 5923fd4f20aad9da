"""What the package carries besides Python: scripts, WebAssembly builds, the nano models, the schema of the state."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

STATIC = Path(__file__).parent / "static"

NANO = STATIC / "files" / "nano"
"""Model folders of the nano models, `policy` and `prm`, for the program `minform`."""


def version() -> str:
    """The version of the installed package."""
    try:
        return installed_version("minform")
    except PackageNotFoundError:
        return "0"


def text(name: str) -> str:
    """A file as text."""
    return _bytes(name).decode()


def unpacked(name: str) -> bytes:
    """One of the files of the page, unpacked where it is packed."""
    if (STATIC / "files" / name).exists():
        return _bytes(f"files/{name}")
    return gzip.decompress(_bytes(f"files/{name}.gz"))


@cache
def files() -> dict[str, bytes]:
    """The files of the page by name, packed as they lie there."""
    folder = STATIC / "files"
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@cache
def build() -> str:
    """A fingerprint of these files: widgets of one build share them in a page."""
    digest = hashlib.sha256()
    for name, content in files().items():
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


@cache
def described() -> dict[str, Any]:
    """The schema of the state, and the state of a fresh page."""
    found: dict[str, Any] = json.loads(text("state.json"))
    return found


def _bytes(name: str) -> bytes:
    path = STATIC / name
    if not path.exists():
        raise FileNotFoundError(
            f"the package minform lacks {name}; in a source tree run `npm run build:notebook` in the folder web, "
            "otherwise install the package again"
        )
    return path.read_bytes()
