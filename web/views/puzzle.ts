/** The step-count puzzle: one text, cut in two ways, with scores set by hand so that nothing else differs. */

import type { State } from "../app/state";

/** Scores and tokens are chosen so that outcome and length are equal: only the number of steps is not. */
export const PUZZLE: Pick<State, "problem" | "answer" | "form" | "baseline" | "group" | "groupSource"> = {
  problem: "Sam owns 9 shells. He loses 3. Their number doubles. He sells 3 of them. How many shells are there?",
  answer: "9",
  form: "exact-min",
  baseline: "rloo-step",
  groupSource: "typed",
  group: [
    {
      steps: ["9 - 3 = 6", "6 * 2 = 12", "12 - 3 = 9", "\\boxed{9}"],
      rewards: [0.9, 0.9, 0.9, 0.8],
      tokens: [6, 6, 6, 4],
      correct: true,
    },
    {
      steps: ["9 - 3 = 6", "6 * 2 = 12\n12 - 3 = 9", "\\boxed{9}"],
      rewards: [0.9, 0.9, 0.8],
      tokens: [6, 12, 4],
      correct: true,
    },
  ],
};
