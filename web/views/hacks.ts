/** Responses that are paid for something else than solving. Their scores are always those of the model in the page. */

export interface Hack {
  name: string;
  problem: string;
  answer: string;
  steps: string[];
  lesson: string;
}

const PENS = "Leo has 11 pens. He gives away 4. He finds 3 more. He loses 5. How many pens are there?";

export const HACKS: readonly Hack[] = [
  {
    name: "Thinking without solving",
    problem: PENS,
    answer: "5",
    steps: ["Let us think.", "11 - 4 = 7", "This is easy.", "So far so good.", "Let us go on.", "Now the next one.", "This is easy."],
    lesson:
      "Under the sum, each harmless sentence that scores above 0 is more pay, and the answer never comes. Under the minimum a further sentence can only lower the pay.",
  },
  {
    name: "A wrong step, paid off",
    problem: PENS,
    answer: "5",
    steps: ["11 - 4 = 7", "7 - 5 = 2", "This is easy.", "Let us think.", "So far so good.", "We take it step by step."],
    lesson:
      "The second step skips an operation. Small talk behind it can buy back what it loses under the sum. The minimum keeps the worst step in mind.",
  },
  {
    name: "One giant step",
    problem: PENS,
    answer: "5",
    steps: ["11 - 4 = 7 + 3 = 10 - 5 = 5", "\\boxed{5}"],
    lesson:
      "All in one step leaves few scores to fail on, so a policy is drawn to it where the reward model lets it pass. With a baseline per step, fewer steps also pay less of it; see the puzzle in Group. A baseline per token cures that.",
  },
  {
    name: "No content",
    problem: PENS,
    answer: "5",
    steps: ["This is easy."],
    lesson:
      "A polite sentence and nothing else. If the reward model likes it, the minimum pays as well as the sum: no form of credit mends a reward model that is fooled by the whole response. Checking a part of the answers does.",
  },
];
