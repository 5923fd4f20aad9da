"""The program `minform`, where there is one: any reward model at full speed, and a way to compute without wasmtime."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from .files import NANO
from .solver import REMEDY, MinformError


def find() -> str | None:
    """MINFORM_BINARY, or `minform` on the PATH."""
    given = os.environ.get("MINFORM_BINARY")
    if given and not Path(given).is_file():
        raise MinformError(f"MINFORM_BINARY names {given}, which is no file")
    return given or shutil.which("minform")


class Program:
    """Answers what the command line answers."""

    def credit(self, rows: list[dict[str, Any]], form: dict[str, Any], baseline: str) -> list[dict[str, Any]]:
        if len(rows) != 1 or baseline != "none":
            raise MinformError("the program computes the credit of one solution without a baseline; " + REMEDY)
        rewards = ",".join(repr(reward) for reward in rows[0]["rewards"])
        options = [f"--{name}={form[name]}" for name in ("form", "gamma", "temperature") if name in form]
        found: dict[str, Any] = json.loads(run(["credit", f"--rewards={rewards}", "--json", *options]))
        return [{**found, "baseline": [0.0] * len(found["returns"]), "advantages": found["returns"]}]

    def score(self, problem: str, steps: list[str]) -> dict[str, Any]:
        return score_with(NANO / "prm", problem, steps)

    def judge(self, scores: list[float], threshold: float, temperature: float) -> dict[str, Any]:
        raise MinformError(f"the program judges no scores that others made; {REMEDY}")

    def split(self, text: str, separator: str) -> list[str]:
        raise MinformError(f"give the steps as a list, or {REMEDY}")


def score_with(prm: str | os.PathLike[str], problem: str, steps: list[str]) -> dict[str, Any]:
    """Step scores by a reward model in a folder."""
    if find() is None:
        raise MinformError(
            "reward models in folders are read by the program minform; put it on the PATH or into MINFORM_BINARY"
        )
    row = json.dumps({"problem": problem, "steps": steps})
    found: dict[str, Any] = json.loads(run(["prm", "score", "--prm", os.fspath(prm), "--json"], row))
    return found


def run(arguments: list[str], text: str = "") -> str:
    """Its standard output; its complaint is ours."""
    program = find()
    if program is None:
        raise MinformError("there is no program minform; put it on the PATH or into MINFORM_BINARY")
    done = subprocess.run([program, *arguments], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise MinformError(lines[-1] if lines else f"{program} ended with status {done.returncode}")
    return done.stdout
