/** The six pages of the tour: what to read, what to do, and when it counts as done. */

import type { State, ViewName } from "../app/state";
import type { Live } from "../app/workbench";

export interface Page {
  title: string;
  view: ViewName;
  text: string;
  /** What to do, and whether it has been done since the page was opened. */
  task: string;
  done(before: Snapshot, now: Snapshot): boolean;
}

/** What tasks look at. */
export interface Snapshot {
  state: Readonly<State>;
  live: Readonly<Live>;
  updates: number;
}

export const PAGES: readonly Page[] = [
  {
    title: "Steps have scores",
    view: "solution",
    text: "A process reward model reads a solution and scores each step from −1 to 1. Blue is right, orange is wrong, and the sign says it too.",
    task: "Choose another step.",
    done: (before, { live }) => live.selected !== before.live.selected,
  },
  {
    title: "A score depends on what came before",
    view: "solution",
    text: "The model reads from the beginning. A changed step changes the scores from there on, not those before it.",
    task: "Edit a step: mend the wrong one.",
    done: (before, { state }) => state.steps.join("\n") !== before.state.steps.join("\n"),
  },
  {
    title: "The sum and the minimum",
    view: "solution",
    text: "Training needs one number for what follows a step. The sum adds all scores; the minimum takes the worst. At a low temperature T the soft minimum is the minimum, at a high one nearly the mean.",
    task: "Move T with the slider or the keys [ and ].",
    done: (before, { state }) => state.temperature !== before.state.temperature,
  },
  {
    title: "Against the others",
    view: "group",
    text: "What counts is how a sample does beside others of the same problem. The baseline decides what a step is compared with, and a wrong one pays for something else.",
    task: "Open the puzzle, then choose the baseline per token.",
    done: (_, { state }) => state.group.length > 0 && state.baseline === "rloo-token",
  },
  {
    title: "Being paid without solving",
    view: "gallery",
    text: "Small talk scores well. Under the sum, more of it is more pay. Look at what the two forms make of each card.",
    task: "Open one of the hacks in the first view.",
    done: (before, { state }) => state.view === "solution" && state.problem !== before.state.problem,
  },
  {
    title: "Learning live",
    view: "train",
    text: "Two copies of one policy learn in this page. Watch what the reward model pays, and how many answers are truly right.",
    task: "Make five updates.",
    done: (before, { updates }) => updates >= before.updates + 5,
  },
];
