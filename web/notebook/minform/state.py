"""The state of the page: checked by the schema that the page itself checks by."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from .arguments import finite, listed, refuse
from .files import described

#: Mirrored from the state into traits of their own.
FIELDS = (
    "view",
    "problem",
    "steps",
    "scores",
    "label",
    "temperature",
    "gamma",
    "threshold",
    "form",
    "baseline",
    "group",
    "hidden",
)
#: The same, from the settings of the live run.
TRAINING = ("seed", "updates", "samples", "prompts")
#: Baselines that count tokens.
COUNTING = ("rloo-token", "rloo-paper")


def fresh() -> dict[str, Any]:
    """The state of a page that was just opened."""
    state: dict[str, Any] = copy.deepcopy(described()["initial"])
    return state


def checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Some fields of a state, or a ValueError that says which is wrong and what it may be."""
    properties = described()["schema"]["properties"]
    for name in fields:
        if name not in properties:
            raise ValueError(f"the state has no field {name!r}; it has {', '.join(properties)}")
    return {name: _check(value, properties[name], name) for name, value in fields.items()}


def checked_training(name: str, value: Any) -> Any:
    """One setting of the live run."""
    return _check(value, described()["schema"]["properties"]["training"]["properties"][name], name)


def changed(state: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The state after one field was set from Python, with what hangs on it."""
    after = {**state, name: value}
    count = len(after["steps"])
    if name in TRAINING:
        del after[name]
        after["training"] = {**state["training"], name: value}
    elif name in ("temperature", "gamma"):
        # The live run learns by what is on screen, but its soft minimum needs a temperature above 0.
        least = described()["schema"]["properties"]["training"]["properties"][name]["minimum"]
        after["training"] = {**state["training"], name: max(value, least)}
    elif name == "scores":
        if len(value) != count:
            raise ValueError(f"there are {count} steps, but {len(value)} scores")
        after.update(source="typed", rescore=False)
    elif name == "steps":
        after.update(scores=[None] * count, tokens=[0] * count, source="nano", rescore=True, label=None)
    elif name == "problem":
        after.update(answer="", label=None)
        if state["source"] != "typed":
            after.update(scores=[None] * count, source="nano", rescore=True)
    elif name == "label" and value is not None and value >= count:
        raise ValueError(f"label must be below the number of steps, {count}")
    elif name == "group":
        after["groupSource"] = "typed"
    if name in ("baseline", "group") and after["baseline"] in COUNTING:
        for at, row in enumerate(after["group"]):
            if 0 in row["tokens"]:
                raise ValueError(f"baseline {after['baseline']!r} counts tokens; give group[{at}] its `tokens`")
    return after


def solution(problem: str | None, steps: Sequence[str] | None, rewards: Sequence[float] | None) -> dict[str, Any]:
    """The fields of a solution; without rewards the nano reward model is asked for them."""
    if problem is None and steps is None and rewards is None:
        return {}
    if steps is None:
        steps = [f"Step {at + 1}" for at in range(len(rewards or []))]
    if isinstance(steps, str):
        raise ValueError("steps must be a list of texts, one per step, not one text")
    if rewards is not None and len(rewards) != len(steps):
        raise ValueError(f"there are {len(steps)} steps, but {len(rewards)} rewards")
    typed = rewards is not None
    return checked(
        {
            "problem": problem or "",
            "answer": "",
            "steps": list(steps),
            "scores": [None] * len(steps) if rewards is None else [float(reward) for reward in rewards],
            "tokens": [0] * len(steps),
            "label": None,
            "source": "typed" if typed else "nano",
            "rescore": not typed,
        }
    )


def sample_rows(group: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Samples of one problem; tokens are 0, which means not counted, and `correct` unknown where nothing is said."""
    return [_sample_row(row, at) for at, row in enumerate(group)]


def counts(tokens: Sequence[int], most: int, where: str) -> list[int]:
    """Tokens of each step."""
    about = {"minimum": 1, "maximum": most}
    return [_check_integer(count, about, f"{where}[{at}]") for at, count in enumerate(tokens)]


def _sample_row(row: Mapping[str, Any], at: int) -> dict[str, Any]:
    unknown = sorted(set(row) - {"steps", "rewards", "tokens", "correct"})
    if unknown:
        raise ValueError(f"group[{at}] has no field {unknown[0]!r}; it has steps, rewards, tokens, correct")
    if "rewards" not in row:
        raise ValueError(f"group[{at}] has no rewards")
    rewards = [float(reward) for reward in row["rewards"]]
    steps = list(row.get("steps") or [f"Step {step + 1}" for step in range(len(rewards))])
    tokens = list(row.get("tokens") or [0] * len(rewards))
    for name, values in (("steps", steps), ("tokens", tokens)):
        if len(values) != len(rewards):
            raise ValueError(f"group[{at}] has {len(rewards)} rewards, but {len(values)} {name}")
    return {"steps": steps, "rewards": rewards, "tokens": tokens, "correct": row.get("correct")}


def _check(value: Any, about: Mapping[str, Any], where: str) -> Any:
    """By the few words of JSON Schema that the page uses."""
    if "anyOf" in about:
        return None if value is None else _check(value, about["anyOf"][0], where)
    if "enum" in about:
        choices = about["enum"]
        return value if value in choices else refuse(where, f"one of {', '.join(choices)}", value)
    return _CHECKS[about["type"]](value, about, where)


def _check_text(value: Any, about: Mapping[str, Any], where: str) -> str:
    if not isinstance(value, str):
        refuse(where, "text", value)
    longest = about["maxLength"]
    return value if len(value) <= longest else refuse(where, f"at most {longest} characters long")


def _check_number(value: Any, about: Mapping[str, Any], where: str) -> float:
    least, most = about["minimum"], about["maximum"]
    number = None if isinstance(value, (bool, str)) else finite(value)
    if number is None or not least <= number <= most:
        refuse(where, f"a number from {least} to {most}", value)
    return number


def _check_integer(value: Any, about: Mapping[str, Any], where: str) -> int:
    number = _check_number(value, about, where)
    return int(number) if number == int(number) else refuse(where, "a whole number", value)


def _check_truth(value: Any, _about: Mapping[str, Any], where: str) -> bool:
    return bool(value) if value in (True, False) else refuse(where, "True or False", value)


def _check_list(value: Any, about: Mapping[str, Any], where: str) -> list[Any]:
    items = listed(value, where)
    if len(items) > about["maxItems"]:
        refuse(where, f"a list of at most {about['maxItems']} items")
    return [_check(item, about["items"], f"{where}[{at}]") for at, item in enumerate(items)]


def _check_record(value: Any, about: Mapping[str, Any], where: str) -> dict[str, Any]:
    properties = about["properties"]
    if not isinstance(value, Mapping) or set(value) != set(properties):
        refuse(where, f"a dict with {', '.join(properties)}")
    return {name: _check(value[name], properties[name], f"{where}.{name}") for name in properties}


_CHECKS: dict[str, Callable[[Any, Mapping[str, Any], str], Any]] = {
    "string": _check_text,
    "number": _check_number,
    "integer": _check_integer,
    "boolean": _check_truth,
    "array": _check_list,
    "object": _check_record,
}
