"""Credit of step rewards: what each form pays for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from .arguments import listed, number
from .solver import solver
from .state import COUNTING, counts
from .table import html_table

#: Names of the forms, with the word of the page for each.
FORMS = {"min": "soft-min", "soft-min": "soft-min", "exact-min": "exact-min", "sum": "sum", "mean": "mean"}
BASELINES = ("none", "group-mean", "rloo-step", "rloo-token", "rloo-paper", "grpo")
#: More tokens than this no step has.
MOST_TOKENS = 100_000


@dataclass(frozen=True)
class Credit:
    """Credit of one solution; one number per step, but for the outcome."""

    form: str
    rewards: list[float]
    #: Weight of each step in the approximate minimum.
    weights: list[float]
    #: The rewards as they are paid, whose plain sums are the returns; by the sum, gamma comes on top.
    transformed: list[float]
    returns: list[float]
    #: What the comparison with the group took off each step.
    baseline: list[float]
    advantages: list[float]
    #: Value of the whole solution.
    outcome: float

    def rows(self) -> list[dict[str, Any]]:
        """One dict per step, counted from 0, for `pandas.DataFrame`."""
        columns = zip(self.rewards, self.weights, self.transformed, self.returns, self.baseline, self.advantages)
        names = ("reward", "weight", "transformed", "return", "baseline", "advantage")
        return [{"step": at, **dict(zip(names, values))} for at, values in enumerate(columns)]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def __len__(self) -> int:
        return len(self.rewards)

    def _repr_html_(self) -> str:
        return html_table(self.rows(), f"{self.form}: outcome {self.outcome:.4f}")


@dataclass(frozen=True)
class GroupCredit:
    """Credit of the solutions of one problem; every field of Credit as a list with one entry per solution."""

    samples: list[Credit]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in Credit.__dataclass_fields__:
            raise AttributeError(f"a group has no {name}; it has samples and {', '.join(Credit.__dataclass_fields__)}")
        return [getattr(sample, name) for sample in self.samples]

    def rows(self) -> list[dict[str, Any]]:
        """One dict per solution and step."""
        return [{"sample": at, **row} for at, sample in enumerate(self.samples) for row in sample.rows()]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def __len__(self) -> int:
        return sum(map(len, self.samples))

    def _repr_html_(self) -> str:
        return html_table(self.rows(), f"{self.samples[0].form}: {len(self.samples)} solutions")


Rewards = Sequence[float]


@overload
def credit(
    rewards: Rewards,
    form: str = ...,
    temperature: float = ...,
    gamma: float = ...,
    tokens: Sequence[int] | None = ...,
    baseline: str | None = ...,
) -> Credit: ...
@overload
def credit(
    rewards: Sequence[Rewards],
    form: str = ...,
    temperature: float = ...,
    gamma: float = ...,
    tokens: Sequence[Sequence[int]] | None = ...,
    baseline: str | None = ...,
) -> GroupCredit: ...
def credit(
    rewards: Any,
    form: str = "min",
    temperature: float = 0.1,
    gamma: float = 1.0,
    tokens: Any = None,
    baseline: str | None = None,
) -> Credit | GroupCredit:
    """Credit of one solution, or of a group of them if `rewards` is a list of lists.

    form: min, the soft minimum at `temperature` (0 is the exact minimum); exact-min; sum, discounted by `gamma`; mean.
    tokens: of each step, from 1 to 100,000; rloo-token and rloo-paper count them, the others do without.
    baseline: none, group-mean, rloo-step, rloo-token, rloo-paper or grpo; none for one solution, rloo-step for a group.
    """
    given = listed(rewards, "rewards")
    is_group = len(given) > 0 and hasattr(given[0], "__len__")
    solutions = given if is_group else [given]
    counted = [None] * len(solutions) if tokens is None else listed(tokens, "tokens") if is_group else [tokens]
    if len(counted) != len(solutions):
        raise ValueError(f"there are {len(solutions)} solutions, but tokens of {len(counted)}")
    baseline = baseline or ("rloo-step" if is_group else "none")
    if baseline not in BASELINES:
        raise ValueError(f"baseline must be one of {', '.join(BASELINES)}, not {baseline!r}")
    if baseline in COUNTING and any(one is None for one in counted):
        raise ValueError(f"baseline {baseline!r} counts tokens; give `tokens`, those of each step")
    places = [f"tokens[{at}]" if is_group else "tokens" for at in range(len(solutions))]
    rows = [_row(*one) for one in zip(solutions, counted, places)]
    found = solver().credit(rows, _form(form, temperature, gamma), baseline)
    samples = [_credit(form, row["rewards"], one) for row, one in zip(rows, found)]
    return GroupCredit(samples) if is_group else samples[0]


def _form(form: str, temperature: float, gamma: float) -> dict[str, Any]:
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
    temperature, gamma = number(temperature, "temperature", least=0), number(gamma, "gamma")
    if not 0 <= gamma <= 1:
        raise ValueError(f"gamma must lie between 0 and 1, not {gamma!r}")
    name = FORMS[form]
    if name == "sum":
        return {"form": name, "gamma": gamma}
    if gamma != 1:
        raise ValueError("gamma discounts the sum only; add form='sum' or leave it at 1")
    if name == "soft-min":
        return {"form": name, "temperature": temperature} if temperature > 0 else {"form": "exact-min"}
    return {"form": name}


def _row(rewards: Sequence[float], tokens: Sequence[int] | None, place: str) -> dict[str, Any]:
    values = [number(reward, "a reward") for reward in listed(rewards, "the rewards of a solution")]
    counted = [1] * len(values) if tokens is None else counts(listed(tokens, place), MOST_TOKENS, place)
    if len(counted) != len(values):
        raise ValueError(f"there are {len(values)} rewards, but {len(counted)} token counts")
    return {"rewards": values, "tokens": counted}


def _credit(form: str, rewards: list[float], found: dict[str, Any]) -> Credit:
    names = ("weights", "transformed", "returns", "baseline", "advantages", "outcome")
    return Credit(form, rewards, *(found[name] for name in names))
