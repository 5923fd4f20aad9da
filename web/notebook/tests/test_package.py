"""The package as it is built."""

import os
import re
import zipfile
from pathlib import Path

import pytest

import minform
from minform import files

FOLDER = Path(__file__).parent.parent


def test_the_version_is_that_of_the_workspace():
    workspace = (FOLDER / "../../Cargo.toml").read_text()
    version = re.search(r'\[workspace\.package\]\nversion = "(.+?)"', workspace).group(1)
    package = re.search(r'\nversion = "(.+?)"', (FOLDER / "pyproject.toml").read_text()).group(1)
    assert package == version
    assert minform.__version__ in (version, "0")


def test_all_files_are_there():
    wanted = {"widget.js.gz", "credit.wasm.gz", "engine.wasm.gz", "best-of-n.json", "credit-forms.csv"}
    wanted |= {
        f"nano/{slot}/{name}"
        for slot in ("policy", "prm")
        for name in ("config.json", "tokenizer.json", "model.safetensors")
    }
    assert wanted <= set(files.files())
    assert len(files.text("loader.js")) < 5_000, "a page keeps the loader of every widget that it was given"


def test_the_wheel_is_pure():
    if "MINFORM_WHEEL" not in os.environ:
        pytest.skip("MINFORM_WHEEL names no wheel")
    wheel = Path(os.environ["MINFORM_WHEEL"])
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "minform/static/files/engine.wasm.gz" in names and "minform/py.typed" in names
    assert not [name for name in names if "test" in name or "example" in name]
