"""Scores of the steps of a solution by a process reward model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .arguments import number
from .program import score_with
from .solver import solver
from .table import html_table


@dataclass(frozen=True)
class Score:
    """A solution with a score for every step, from -1 to 1."""

    problem: str
    steps: list[str]
    scores: list[float]
    #: Share of the words and signs that the model has no token for: what it says of such a text means little.
    unknown: float | None

    def first_error(self, threshold: float = 0.0) -> int:
        """Index of the first step below the threshold, -1 if there is none."""
        found: int = solver().judge(self.scores, number(threshold, "threshold"), 0.1)["first_error"]
        return found

    def aggregates(self, temperature: float = 0.1) -> dict[str, float]:
        """The value of the whole solution: min, soft_min, product, last, mean and sum of its scores."""
        found = dict(solver().judge(self.scores, 0.0, number(temperature, "temperature", least=0)))
        del found["first_error"]
        return found

    def rows(self) -> list[dict[str, Any]]:
        """One dict per step, counted from 0, for `pandas.DataFrame`."""
        return [
            {"step": at, "text": text, "score": score} for at, (text, score) in enumerate(zip(self.steps, self.scores))
        ]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def __len__(self) -> int:
        return len(self.steps)

    def _repr_html_(self) -> str:
        return html_table(self.rows(), self.problem)


def score(
    problem: str,
    solution: str | Sequence[str],
    *,
    separator: str = "\n\n",
    prm: str | os.PathLike[str] | None = None,
) -> Score:
    """Scores the steps of a solution, which may be a text, cut at `separator`, or a list of steps.

    Without `prm` by the nano reward model of this package, which knows problems of the arithmetic world and nothing
    else: `unknown` tells how much of a text it cannot read. `prm` is the folder of another model, which the program
    `minform` reads; give it the problem in the form that it was trained on.
    """
    if not isinstance(problem, str):
        raise ValueError(f"problem must be text, not {problem!r}")
    steps = solver().split(solution, separator) if isinstance(solution, str) else [str(step) for step in solution]
    if not steps:
        raise ValueError("the solution has no step")
    found = solver().score(problem, steps) if prm is None else score_with(prm, problem, steps)
    unknown = found["unknown"] / max(1, found["total"]) if "unknown" in found else None
    return Score(problem, steps, found["scores"], unknown)
