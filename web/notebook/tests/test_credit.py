"""Credit, by the numbers of the reference implementation."""

import json
import math
from pathlib import Path

import pandas
import pytest

from minform import Credit, GroupCredit, MinformError, credit, program, solver
from minform.host import Broken

GOLDEN = json.loads((Path(__file__).parent / "../../../crates/credit/tests/fixtures/pure_golden.json").read_text())
CASES = GOLDEN["transform"]["cases"]


def close(found, wanted):
    assert found == pytest.approx(wanted, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_reference_numbers(case):
    rewards = case["r"]
    for output in case["outputs"]:
        found = credit(rewards, temperature=output["T"])
        close(found.weights, output["weights"])
        close(found.transformed, output["transformed"])
        close(found.returns, output["step_returns_gamma1"])
        close(found.outcome, output["outcome_sum"])
    close(credit(rewards, form="exact-min").returns, case["paper_limit_T_to_0"]["G"])
    close(credit(rewards, temperature=0).returns, case["paper_limit_T_to_0"]["G"])
    close(credit(rewards, form="sum").returns, case["plain_sum_form_gamma1"]["step_returns_gamma1"])
    close(credit(rewards, form="mean").transformed, case["main_disable_weighted_reward"]["transformed"])


def test_one_solution_is_compared_with_nothing():
    found = credit([0.9, -0.2, 0.5], form="sum", gamma=0.5)
    assert isinstance(found, Credit)
    # 0.9 + 0.5·(−0.2) + 0.25·0.5
    close(found.outcome, 0.925)
    close(found.advantages, found.returns)
    columns = ["step", "reward", "weight", "transformed", "return", "baseline", "advantage"]
    assert list(pandas.DataFrame(found).columns) == columns
    assert found._repr_html_().count("<tr>") == 4


def test_a_group_by_the_reference():
    case = GOLDEN["hack_step_count_bias"]
    ends = [[at for at, token in enumerate(ids) if token in (5, 1)] for ids in case["generated_ids"]]
    tokens = [[end - before for before, end in zip([-1, *row], row)] for row in ends]
    for baseline, name in (("rloo-step", "step_baseline"), ("rloo-token", "token_baseline")):
        found = credit(case["r"], tokens=tokens, baseline=baseline)
        assert isinstance(found, GroupCredit)
        close(found.outcome, case[name]["outcome"])
        for row, counts, wanted in zip(found.advantages, tokens, case[name]["advantages"]):
            # The reference masks the last token of each step; the first has the advantage of the step.
            close(row, [wanted[sum(counts[:step])] for step in range(len(counts))])
    assert set(pandas.DataFrame(found)["sample"]) == set(range(len(tokens)))
    with pytest.raises(AttributeError, match="samples"):
        _ = found.colour


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"form": "median"}, "form must be one of min, soft-min"),
        ({"temperature": -1}, "temperature must be a number from 0 on, not -1"),
        ({"temperature": math.inf}, "temperature"),
        ({"temperature": "hot"}, "temperature must be a number, not 'hot'"),
        ({"gamma": None}, "gamma must be a number, not None"),
        ({"tokens": 3}, "tokens must be a list, not 3"),
        ({"form": "sum", "gamma": 1.5}, "gamma must lie between 0 and 1"),
        ({"gamma": 0.5}, "gamma discounts the sum only"),
        ({"tokens": [1]}, "2 rewards, but 1 token counts"),
        ({"baseline": "mean"}, "baseline must be one of"),
        ({"baseline": "rloo-token"}, "baseline 'rloo-token' counts tokens; give `tokens`"),
        ({"baseline": "rloo-paper"}, "baseline 'rloo-paper' counts tokens; give `tokens`"),
        ({"tokens": [3, 0]}, r"tokens\[1\] must be a number from 1 to 100000, not 0"),
        ({"tokens": [3, 100_001]}, r"tokens\[1\] must be a number from 1 to 100000, not 100001"),
        ({"tokens": [1.5, 2]}, r"tokens\[0\] must be a whole number, not 1.5"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        credit([0.1, 0.2], **arguments)


@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        ([0.1, math.nan], "finite"),
        (None, "rewards must be a list, not None"),
        ("0.5", "rewards must be a list"),
        ([0.5, "good"], "a reward must be a number, not 'good'"),
        ([[0.5], 0.25], "the rewards of a solution must be a list, not 0.25"),
    ],
)
def test_bad_rewards_are_refused(rewards, message):
    with pytest.raises(ValueError, match=message):
        credit(rewards)


def test_nothing_is_credited_with_nothing():
    assert credit([]).returns == []


def test_baselines_that_count_tokens_want_them_of_every_solution():
    group = [[0.5, 0.25], [0.75]]
    with pytest.raises(ValueError, match="counts tokens; give `tokens`"):
        credit(group, baseline="rloo-token")
    with pytest.raises(ValueError, match="counts tokens; give `tokens`"):
        credit(group, baseline="rloo-paper", tokens=[[3, 3], None])
    with pytest.raises(ValueError, match=r"tokens\[1\]\[0\] must be a number from 1"):
        credit(group, baseline="rloo-token", tokens=[[3, 3], [-2]])
    counted = pandas.Series([3.0, 3.0])
    assert len(credit(group, baseline="rloo-token", tokens=[counted, [4]]).advantages[0]) == 2


def broken(engine):
    with pytest.raises(MinformError, match="broke off"):
        engine._call("answerText", 0, -1)


def test_after_a_break_it_goes_on():
    broken(solver.solver())
    assert credit(pandas.Series([0.5, 0.25], index=[7, 9]), form="sum").returns == [0.75, 0.25]


def test_an_engine_that_does_not_begin_anew_says_so(monkeypatch):
    engine = solver.solver()
    broken(engine)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_asked", refused)
        with pytest.raises(MinformError, match="broke off"):
            engine.split("a", ".")
    assert engine.split("a", ".") == ["a"]


def refused(*_values):
    raise Broken("no")


def test_nobody_comes_between_the_model_and_the_question(monkeypatch):
    engine = solver.solver()
    broken(engine)

    class Door:
        """A lock behind which somebody waits to break the engine."""

        def __enter__(self):
            pass

        def __exit__(self, *_):
            broken(engine)

    monkeypatch.setattr(engine, "_lock", Door())
    assert len(engine.score("1 + 1?", ["1 + 1 = 2"])["scores"]) == 1


def test_the_program_gives_the_same():
    if program.find() is None:
        pytest.skip("there is no program minform; MINFORM_BINARY may name it")
    rows = [{"rewards": [0.9, -0.2, 0.5], "tokens": [1, 1, 1]}]
    for form in (
        {"form": "soft-min", "temperature": 0.1},
        {"form": "sum", "gamma": 0.5},
        {"form": "mean"},
        {"form": "exact-min"},
    ):
        one, other = (by.credit(rows, form, "none")[0] for by in (solver.solver(), program.Program()))
        for name in ("weights", "transformed", "returns", "advantages", "outcome"):
            close(one[name], other[name])
    with pytest.raises(MinformError, match="pip install"):
        program.Program().credit(rows * 2, form, "rloo-step")


def test_without_anything_that_computes_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wasmtime", None)
    monkeypatch.delitem(__import__("sys").modules, "minform.native", raising=False)
    monkeypatch.setattr(program, "find", lambda: None)
    solver.solver.cache_clear()
    try:
        with pytest.raises(MinformError, match=r"pip install wasmtime.*MINFORM_BINARY.*Playground"):
            credit([0.5])
    finally:
        solver.solver.cache_clear()
