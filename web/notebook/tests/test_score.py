"""Step scores, by what the page recorded and by the program."""

import json
from pathlib import Path

import pandas
import pytest

from minform import MinformError, program, score, solver

RECORDED = json.loads((Path(__file__).parent / "../../app/recorded.json").read_text())
SHELLS = "Sam owns 9 shells. He loses 3. Their number doubles. He sells 3 of them. How many shells are there?"
RIGHT = ["9 - 3 = 6", "6 * 2 = 12", "12 - 3 = 9", "\\boxed{9}"]
WRONG = ["9 - 3 = 6", "6 * 2 = 10", "Let us think.", "So far so good.", "10 - 3 = 7", "\\boxed{7}"]


def test_scores_are_those_of_the_page():
    for name, steps in (("All right", RIGHT), ("A slip, then small talk", WRONG)):
        assert score(SHELLS, steps).scores == pytest.approx(RECORDED[name]["scores"], abs=2e-4)


def test_what_a_score_tells():
    found = score(SHELLS, "\n\n".join(WRONG))
    assert found.steps == WRONG and found.unknown == 0
    assert (found.first_error(), found.first_error(-1), score(SHELLS, RIGHT).first_error()) == (1, -1, -1)
    assert found.aggregates()["min"] == pytest.approx(min(found.scores))
    frame = pandas.DataFrame(found)
    assert list(frame.columns) == ["step", "text", "score"] and len(frame) == 6
    assert "Let us think." in found._repr_html_()


def test_a_text_of_another_world_is_not_read():
    assert score("Prove that primes are infinite.", ["Suppose finitely many exist."]).unknown > 0.5


def test_bad_arguments_are_refused():
    found = score(SHELLS, RIGHT)
    with pytest.raises(ValueError, match="threshold must be a finite number"):
        found.first_error(float("nan"))
    with pytest.raises(ValueError, match="temperature must be a number, not 'x'"):
        found.aggregates("x")
    with pytest.raises(ValueError, match="from 0 on"):
        found.aggregates(-1)
    with pytest.raises(ValueError, match="no step"):
        score(SHELLS, [])
    with pytest.raises(ValueError, match="problem must be text"):
        score(None, RIGHT)
    with pytest.raises(MinformError, match="exceed the model's context"):
        score(SHELLS, ["9 - 3 = 6"] * 500)


def test_own_models_need_the_program(monkeypatch, tmp_path):
    monkeypatch.setenv("MINFORM_BINARY", str(tmp_path / "minform"))
    with pytest.raises(MinformError, match="MINFORM_BINARY names"):
        score(SHELLS, RIGHT, prm="runs/prm")
    monkeypatch.delenv("MINFORM_BINARY")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MinformError, match="put it on the PATH"):
        score(SHELLS, RIGHT, prm="runs/prm")


def test_the_program_gives_the_same():
    if program.find() is None:
        pytest.skip("there is no program minform; MINFORM_BINARY may name it")
    one, other = (by.score(SHELLS, WRONG) for by in (solver.solver(), program.Program()))
    assert one["scores"] == pytest.approx(other["scores"], abs=1e-4)
