/** Responses that are paid for something else than solving. Their scores are always those of the model in the page. */

export interface Hack {
  name: string;
  problem: string;
  answer: string;
  steps: string[];
  lesson: string;
}

const PENS = "Leo has 9 pens. He gives away 3. The pile doubles. He finds 4 more. How many pens are there?";

export const HACKS: readonly Hack[] = [
  {
    name: "Thinking without solving",
    problem: PENS,
    answer: "16",
    steps: ["Let us think.", "9 - 3 = 6", "This is easy.", "So far so good.", "Let us go on.", "Now the next one.", "This is easy."],
    lesson:
      "Every harmless sentence scores well, so under the sum each one is more pay. The answer never comes. Under the minimum a further sentence can only lower the pay.",
  },
  {
    name: "A wrong step, paid off",
    problem: PENS,
    answer: "16",
    steps: ["9 - 3 = 6", "6 + 4 = 10", "This is easy.", "Let us think.", "So far so good.", "We take it step by step."],
    lesson:
      "One step skips an operation and is scored badly. Small talk behind it buys the loss back under the sum. The minimum keeps the worst step in mind.",
  },
  {
    name: "One giant step",
    problem: PENS,
    answer: "16",
    steps: ["9 - 3 = 6 * 2 = 12 + 4 = 16", "\\boxed{16}"],
    lesson:
      "Everything in one step leaves few scores to fail on. With a baseline per step, fewer steps also pay less of it; see the puzzle in Group. The cure is a baseline per token.",
  },
  {
    name: "No content",
    problem: PENS,
    answer: "16",
    steps: ["This is easy."],
    lesson:
      "A polite sentence and nothing else. If the reward model likes it, the minimum pays as well as the sum: no form of credit mends a reward model that is fooled by the whole response. A tenth of checked answers does.",
  },
];
