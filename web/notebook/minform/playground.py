"""The playground as a widget: the page's own script, tied to traits."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets as t

from . import state as states
from .credits import FORMS
from .files import build, text
from .page import Page
from .shelf import shelf

#: Traits that mirror a field of the state.
MIRRORED = (*states.FIELDS, *states.TRAINING)


class Playground(anywidget.AnyWidget):
    """Step scores, credit and live RL in a cell; everything is computed in the page, by WebAssembly.

    Arguments that are left out are as in a page that was just opened. Every argument but `rewards`, `theme` and
    `height` is also a trait: set it and the page follows, move a slider and the trait follows.

    view: solution, group, best-of-n, gallery, train or device.
    problem, steps: a solution. Without `rewards` the nano reward model scores it; it knows the arithmetic world alone.
    rewards: scores typed by hand, one per step, from -1 to 1. Later they are read and set as `scores`.
    label: index of the first wrong step by ground truth, -1 for none, None if nobody knows.
    temperature: T of the soft minimum; 0 is the exact minimum. gamma: discount of the sum. Both also of the live run.
    threshold: a step with a score below it counts as wrong.
    form, baseline: of the group view: min (soft-min), exact-min, sum or mean; none, group-mean, rloo-step, rloo-token,
        rloo-paper or grpo.
    group: samples of one problem, each a dict with `rewards` and perhaps `steps`, `tokens` (which rloo-token and
        rloo-paper count) and `correct`.
    seed, updates, samples, prompts: of the live run: luck, updates, solutions per problem, problems per update.
    hidden: controls that are taken away: views, examples, editor, separator, threshold, temperature, gamma, baseline,
        training, files, tour.
    theme: light or dark; None follows the notebook. height: most pixels it may take; None for all that it needs.
    """

    _esm = text("loader.js")
    _name = t.Unicode().tag(sync=True)
    _build = t.Unicode().tag(sync=True)
    _files = t.Unicode().tag(sync=True)
    _commands: t.List[dict[str, Any]] = t.List().tag(sync=True)
    _done = t.Int(0).tag(sync=True)
    _heard = t.Dict().tag(sync=True)
    _known = t.Dict().tag(sync=True)
    _picture = t.Unicode().tag(sync=True)

    #: The whole state; setting some of its fields leaves the others.
    state = t.Dict().tag(sync=True)
    #: One dict per form, sample and step: what the views show, once they show it.
    credit: t.List[dict[str, Any]] = t.List(read_only=True).tag(sync=True)
    #: The state as the fragment of a link to the playground, once it is shown.
    link = t.Unicode(None, allow_none=True, read_only=True).tag(sync=True)
    #: Of the live run: empty, preparing, playing, paused or done.
    phase = t.Unicode("empty", read_only=True).tag(sync=True)
    #: Rows of the live run, as in a native run's events.jsonl, each with its lane.
    events: t.List[dict[str, Any]] = t.List(read_only=True)
    theme = t.Enum(["light", "dark"], None, allow_none=True).tag(sync=True)
    height = t.Int(None, allow_none=True).tag(sync=True)

    view, problem, steps, scores, label = t.Any(), t.Any(), t.Any(), t.Any(), t.Any()
    temperature, gamma, threshold, form, baseline = t.Any(), t.Any(), t.Any(), t.Any(), t.Any()
    group, hidden = t.Any(), t.Any()
    seed, updates, samples, prompts = t.Any(), t.Any(), t.Any(), t.Any()

    def __init__(
        self,
        view: str | None = None,
        problem: str | None = None,
        steps: Sequence[str] | None = None,
        rewards: Sequence[float] | None = None,
        *,
        label: int | None = None,
        temperature: float | None = None,
        gamma: float | None = None,
        threshold: float | None = None,
        form: str | None = None,
        baseline: str | None = None,
        group: Sequence[Mapping[str, Any]] | None = None,
        seed: int | None = None,
        updates: int | None = None,
        samples: int | None = None,
        prompts: int | None = None,
        hidden: Sequence[str] | None = None,
        theme: str | None = None,
        height: int | None = None,
    ) -> None:
        state = {**states.fresh(), **states.solution(problem, steps, rewards)}
        given = {
            **{"view": view, "label": label, "temperature": temperature, "gamma": gamma, "threshold": threshold},
            **{"form": form, "baseline": baseline, "group": group, "hidden": hidden},
            **{"seed": seed, "updates": updates, "samples": samples, "prompts": prompts},
        }
        for name, value in given.items():
            if value is not None:
                state = states.changed(state, name, _checked(name, value))
        self._count = 0
        self._follows = False
        super().__init__(_name=uuid.uuid4().hex, _build=build(), _files=shelf().model_id, theme=theme, height=height)
        self.state = state

    def play(self) -> None:
        """Has the live run go on until it is done or paused; as soon as the widget is shown."""
        self._command("play")

    def pause(self) -> None:
        """Stops the live run after the update in progress."""
        self._command("pause")

    def step(self, n: int = 1) -> None:
        """Has both policies make n updates."""
        if not isinstance(n, int) or n < 1:
            raise ValueError(f"n must be a whole number above 0, not {n!r}")
        self._command("step", count=n)

    def reset(self) -> None:
        """Puts the live run away; the next begins from the first policy."""
        self._command("reset")

    def render_static(self, height: int | None = None) -> Page:
        """The page as it is now, in a frame that needs no kernel; about 3 MB, which the notebook then holds."""
        height = height or self.height or 720
        return Page(self.state, theme=self.theme, height=height)

    def _command(self, do: str, **more: int) -> None:
        self._count += 1
        waiting = [command for command in self._commands if command["id"] > self._done]
        self._commands = [*waiting, {"id": self._count, "do": do, **more}]

    @t.validate("state")
    def _check_state(self, proposal: Any) -> dict[str, Any]:
        return {**(self.state or states.fresh()), **states.checked(proposal["value"])}

    @t.validate(*MIRRORED)
    def _check_field(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, _checked(proposal["trait"].name, proposal["value"])
        if self.state and not self._follows:
            states.changed(self.state, name, value)
        return value

    @t.observe("state")
    def _follow_state(self, _change: object) -> None:
        """The fields of the state, each in its trait."""
        self._follows = True
        try:
            for name in MIRRORED:
                self.set_trait(name, self._shown(name))
        finally:
            self._follows = False

    @t.observe(*MIRRORED)
    def _follow_field(self, change: Any) -> None:
        if not self._follows and change["new"] != self._shown(change["name"]):
            self.state = states.changed(self.state, change["name"], change["new"])

    def _shown(self, name: str) -> Any:
        return (self.state["training"] if name in states.TRAINING else self.state)[name]

    @t.observe("_heard")
    def _hear(self, _change: object) -> None:
        run, start, rows = (self._heard[name] for name in ("run", "from", "rows"))
        kept = self.events[:start] if run == self._known.get("run") else []
        self.set_trait("events", [*kept, *rows])
        self._known = {"run": run, "rows": len(self.events)}

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget; a picture and a text for readers whose page cannot show it.

        With `MINFORM_STATIC=1` the page as it is now takes its place, which an exported notebook keeps.
        """
        if os.environ.get("MINFORM_STATIC") == "1":
            return {"text/html": self.render_static()._repr_html_(), "text/plain": self._text()}, {}
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        picture = {"image/png": self._picture} if self._picture else {}
        return {**data, **picture, "text/plain": self._text()}, metadata

    def _text(self) -> str:
        lines = [f"minform playground, view {self.view}", *filter(None, [self.problem])]
        for step, score in zip(self.steps, self.scores):
            lines.append(f"  {'     ?' if score is None else f'{score:+.3f}'}  {step}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Playground(view={self.view!r}, {len(self.steps)} steps, phase={self.phase!r})"


def _checked(name: str, value: Any) -> Any:
    if name in states.TRAINING:
        return states.checked_training(name, value)
    if name == "group":
        value = states.sample_rows(value)
    if name == "form" and isinstance(value, str):
        value = FORMS.get(value, value)
    return states.checked({name: value})[name]
