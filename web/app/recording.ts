/** Samples with their scores: recorded with this page, or drawn and scored in it. Both are made the same way. */

import { type Place, open } from "./place";
import { list, number, oneOf, record, text, truth, type Checked, integer } from "./schema";
import { LIMITS } from "./state";
import type { Workbench } from "./workbench";

const solution = record({
  steps: list(text(LIMITS.step), LIMITS.steps),
  scores: list(number(-1, 1), LIMITS.steps),
  correct: truth,
  answer: text(200),
});
const judgedProblem = record({
  question: text(LIMITS.text),
  answer: text(200),
  solutions: list(solution, 256),
});
const file = record({
  made: oneOf(["nano"]),
  seed: integer(0, 4294967295),
  problems: list(judgedProblem, 256),
});

export type JudgedProblem = Checked<typeof judgedProblem>;

export interface Recording {
  /** Drawn in this page just now. */
  live: boolean;
  seed: number;
  problems: JudgedProblem[];
}

/** What `npm run record` stored beside the page. */
export async function fetchRecording(folder: Place): Promise<Recording> {
  const response = await open(folder, "best-of-n.json");
  if (!response.ok) throw new Error(`the recorded samples did not arrive: status ${response.status}`);
  const { seed, problems } = file(await response.json(), "the recording");
  return { live: false, seed, problems };
}

/** As `fetchRecording` reads it. */
export function writeRecording({ seed, problems }: Recording): string {
  return `${JSON.stringify({ made: "nano", seed, problems })}\n`;
}

export interface SampleOptions {
  seed: number;
  problems: number;
  samples: number;
}

/** Levels of the problems: two and three operations, as the nano models were trained on. */
const LEVELS = [1, 2] as const;
const LONGEST = 64;

/** Draws problems, solutions and scores, one problem after another. */
export async function* sampleProblems(
  bench: Workbench,
  { seed, problems, samples }: SampleOptions,
  signal: AbortSignal,
): AsyncGenerator<JudgedProblem> {
  for (let index = 0; index < problems; index += 1) {
    const level = LEVELS[index % LEVELS.length] ?? 1;
    const problem = await bench.engine.call("problem", { seed, index, level }, { signal });
    const { question, answer } = problem;
    const options = { temperature: 1, maxNewTokens: LONGEST, seed: seed + index, samples };
    const written = await bench.write(question, options, signal);
    const solutions: JudgedProblem["solutions"] = [];
    for (const { text, steps } of written) {
      const { scores } = await bench.score(question, steps, signal);
      const { correct, found } = await bench.engine.call("grade", { text, answer }, { signal });
      solutions.push({ steps, scores: scores.map(rounded), correct, answer: found ?? "" });
    }
    yield { question, answer, solutions };
  }
}

function rounded(score: number): number {
  return Math.round(score * 1e4) / 1e4;
}
