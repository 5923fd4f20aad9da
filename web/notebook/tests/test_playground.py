"""The widget without its page: traits, refusals, what a notebook stores."""

import pandas
import pytest
import traitlets

from minform import Playground

STEPS, REWARDS = ["a", "b", "c"], [0.9, -0.2, 0.5]


def heard(widget, run, start, rows):
    """What the page tells of a run."""
    widget.set_state({"_heard": {"run": run, "from": start, "rows": rows}})


def test_arguments_become_the_state():
    widget = Playground(view="group", steps=STEPS, rewards=REWARDS, label=1, temperature=0.0, seed=7, hidden=["files"])
    state = widget.state
    assert (state["view"], state["scores"], state["source"], state["rescore"]) == ("group", REWARDS, "typed", False)
    assert (state["label"], state["temperature"], state["training"]["seed"]) == (1, 0.0, 7)
    assert state["training"]["temperature"] == 0.001, "live training needs a temperature above 0"
    assert (widget.scores, widget.seed, widget.hidden) == (REWARDS, 7, ["files"])


def test_without_rewards_the_model_is_asked():
    widget = Playground(problem="1 + 1?", steps=STEPS)
    assert widget.scores == [None, None, None]
    assert (widget.state["source"], widget.state["rescore"]) == ("nano", True)


def test_without_arguments_it_is_a_fresh_page():
    widget = Playground()
    assert widget.view == "solution" and len(widget.steps) == len(widget.scores) > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"view": "hacks"}, "view must be one of solution, group"),
        ({"steps": STEPS, "rewards": [1.0]}, "3 steps, but 1 rewards"),
        ({"steps": "a\n\nb"}, "list of texts"),
        ({"steps": STEPS, "rewards": [0.1, 2.0, 0.1]}, r"scores\[1\] must be a number from -1 to 1, not 2.0"),
        ({"steps": STEPS, "rewards": [0.1, float("nan"), 0.1]}, r"scores\[1\]"),
        ({"temperature": -1}, "temperature must be a number from 0 to 10, not -1"),
        ({"steps": STEPS, "rewards": REWARDS, "label": 3}, "label must be below the number of steps, 3"),
        ({"hidden": ["title"]}, r"hidden\[0\] must be one of views"),
        ({"seed": 0.5}, "seed must be a whole number"),
        ({"samples": 1}, "samples must be a number from 2 to 16, not 1"),
        ({"group": [{"rewards": [0.1], "tokens": [1, 2]}]}, r"group\[0\] has 1 rewards, but 2 tokens"),
        ({"group": [{"steps": ["a"]}]}, r"group\[0\] has no rewards"),
        ({"group": [{"rewards": [0.1], "right": True}]}, "has no field 'right'"),
        ({"group": [{"rewards": [0.1], "tokens": [0.5]}]}, r"group\[0\].tokens\[0\] must be a whole number"),
        ({"group": [{"rewards": [0.1], "tokens": [4097]}]}, r"tokens\[0\] must be a number from 0 to 4096, not 4097"),
        (
            {"group": [{"rewards": [0.1], "tokens": [3]}, {"rewards": [0.1]}], "baseline": "rloo-token"},
            r"baseline 'rloo-token' counts tokens; give group\[1\] its `tokens`",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Playground(**arguments)
    with pytest.raises(traitlets.TraitError):
        Playground(theme="pink")


def test_the_minimum_has_the_name_that_credit_gives_it():
    widget = Playground(form="min")
    assert widget.form == widget.state["form"] == "soft-min"
    widget.form = "sum"
    widget.form = "min"
    assert widget.state["form"] == "soft-min"


def test_a_refused_change_changes_nothing():
    widget = Playground(steps=STEPS, rewards=REWARDS, group=[{"rewards": [0.1]}])
    before = dict(widget.state)
    refused = {"scores": [0.1], "temperature": 11, "view": "x", "label": 3, "baseline": "rloo-paper"}
    for name, value in {**refused, "state": {"colour": 1}}.items():
        with pytest.raises(ValueError):
            setattr(widget, name, value)
    assert widget.state == before and widget.scores == REWARDS


def test_traits_follow_the_page_and_tell():
    widget = Playground(steps=STEPS, rewards=REWARDS)
    told = []
    widget.observe(lambda change: told.append((change["name"], change["new"])), names=["temperature", "scores"])
    widget.set_state({"state": {**widget.state, "temperature": 0.5, "scores": [0.9, 0.2, 0.5]}})
    assert told == [("scores", [0.9, 0.2, 0.5]), ("temperature", 0.5)]


def test_setting_a_trait_changes_what_hangs_on_it():
    widget = Playground(steps=STEPS, rewards=REWARDS, label=1)
    widget.steps = ["x", "y"]
    assert widget.state["scores"] == [None, None] and widget.scores == [None, None] and widget.label is None
    widget.scores = [0.1, 0.2]
    assert (widget.state["source"], widget.state["rescore"]) == ("typed", False)
    widget.updates = 5
    assert widget.state["training"]["updates"] == 5
    widget.state = {"view": "train"}
    assert widget.view == "train" and widget.scores == [0.1, 0.2]


def test_commands_wait_until_they_are_done():
    widget = Playground()
    widget.play()
    widget.step(3)
    assert [(one["do"], one.get("count")) for one in widget._commands] == [("play", None), ("step", 3)]
    widget.set_state({"_done": 2})
    widget.pause()
    assert [(one["id"], one["do"]) for one in widget._commands] == [(3, "pause")]
    with pytest.raises(ValueError, match="above 0"):
        widget.step(0)


def test_events_arrive_once_each_whatever_was_lost():
    widget = Playground()
    rows = [
        {"event": "update", "lane": lane, "time": 0.1 * at, "step": at} for at in range(3) for lane in ("sum", "min")
    ]
    heard(widget, "run", 0, rows[:2])
    # The page did not hear yet that these two have arrived.
    heard(widget, "run", 0, rows[:4])
    heard(widget, "run", 4, rows[4:])
    assert widget.events == rows and widget._known == {"run": "run", "rows": 6}
    assert list(pandas.DataFrame(widget.events).lane) == ["sum", "min"] * 3
    heard(widget, "next", 0, rows[:1])
    assert widget.events == rows[:1]


def test_what_a_notebook_stores():
    widget = Playground(problem="Why?", steps=STEPS, rewards=REWARDS)
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data and "image/png" not in data
    assert data["text/plain"].splitlines()[1:] == ["Why?", "  +0.900  a", "  -0.200  b", "  +0.500  c"]
    widget.set_state({"_picture": "iVBORw0KGgo="})
    assert widget._repr_mimebundle_()[0]["image/png"] == "iVBORw0KGgo="


def test_a_widget_carries_no_copy_of_the_files():
    one, other = Playground(), Playground()
    assert one._files == other._files
    assert len(str(one.get_state())) < 20_000


def test_a_notebook_that_is_exported_can_have_the_page_in_place_of_the_widget(monkeypatch):
    widget = Playground(steps=STEPS, rewards=REWARDS)
    assert "text/html" not in widget._repr_mimebundle_()[0]
    monkeypatch.setenv("MINFORM_STATIC", "1")
    data, _ = widget._repr_mimebundle_()
    assert set(data) == {"text/html", "text/plain"} and "<iframe" in data["text/html"]
