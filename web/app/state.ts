/** Everything that a link holds: the state of the page, its bounds, and what it starts from. */

import { EXAMPLES } from "./examples";
import { type Checked, integer, list, nullable, number, oneOf, record, text, truth } from "./schema";

export const VIEWS = ["solution", "group", "best-of-n", "gallery", "train", "device"] as const;
export type ViewName = (typeof VIEWS)[number];

/** Who made the scores on screen. */
export const SOURCES = ["typed", "recorded", "nano", "own", "imported"] as const;
export type Source = (typeof SOURCES)[number];

/** What a teacher can take away from the page. */
export const CONTROLS = [
  "views",
  "examples",
  "editor",
  "separator",
  "threshold",
  "temperature",
  "gamma",
  "baseline",
  "training",
  "files",
  "tour",
] as const;
export type Control = (typeof CONTROLS)[number];

export const BASELINES = ["none", "group-mean", "rloo-step", "rloo-token", "rloo-paper", "grpo"] as const;
export const FORMS = ["sum", "mean", "soft-min", "exact-min"] as const;
export type FormName = (typeof FORMS)[number];

/** Limits of what is accepted from outside. */
export const LIMITS = { steps: 128, text: 4000, step: 2000, rows: 32, tokens: 4096 } as const;

/** The separator that stands for the end of a sentence, whatever mark it has. */
export const SENTENCE = ". ";

/** Whether a separator is a regular expression, which stands between slashes. */
export function isPattern(separator: string): boolean {
  return /^\/.+\/$/s.test(separator);
}

/** T of the soft minimum; 0 stands for the exact minimum. */
export const TEMPERATURE = { least: 0.001, most: 10 } as const;

const score = number(-1, 1);
const scores = list(score, LIMITS.steps);
const steps = list(text(LIMITS.step), LIMITS.steps);

const row = record({
  steps,
  rewards: scores,
  tokens: list(integer(0, LIMITS.tokens), LIMITS.steps),
  correct: nullable(truth),
});
export type SampleRow = Checked<typeof row>;

/** Rewards with the tokens that baselines count: a step whose tokens nobody has counted, 0 of them, counts as one. */
export function withTokens({ rewards, tokens }: Pick<SampleRow, "rewards" | "tokens">): Pick<SampleRow, "rewards" | "tokens"> {
  return { rewards, tokens: tokens.map((count) => Math.max(1, count)) };
}

const training = {
  seed: integer(0, 4294967295),
  updates: integer(1, 400),
  learningRate: number(1e-6, 0.01),
  prompts: integer(1, 64),
  samples: integer(2, 16),
  kl: number(0, 1),
  temperature: number(TEMPERATURE.least, TEMPERATURE.most),
  gamma: number(0, 1),
  verifiableShare: number(0, 1),
  evaluateEvery: integer(1, 100),
};
const trainingSettings = record(training);
export type Training = Checked<typeof trainingSettings>;

/** One check per field of the state. */
export const FIELDS = {
  view: oneOf(VIEWS),
  problem: text(LIMITS.text),
  steps,
  scores: list(nullable(score), LIMITS.steps),
  tokens: list(integer(0, LIMITS.tokens), LIMITS.steps),
  source: oneOf(SOURCES),
  /** Whether an edit asks the model for new scores. */
  rescore: truth,
  /** Index of the first wrong step by ground truth, −1 for none. */
  label: nullable(integer(-1, LIMITS.steps - 1)),
  answer: text(200),
  separator: text(40),
  threshold: number(-1, 1),
  temperature: number(0, TEMPERATURE.most),
  gamma: number(0, 1),
  perToken: truth,
  form: oneOf(FORMS),
  baseline: oneOf(BASELINES),
  group: list(row, LIMITS.rows),
  groupSource: oneOf(SOURCES),
  training: trainingSettings,
  hidden: list(oneOf(CONTROLS), CONTROLS.length),
};

export type State = { [K in keyof typeof FIELDS]: Checked<(typeof FIELDS)[K]> };

/** The settings of a live run before anybody touches them. */
export const TRAINING: Training = {
  seed: 0,
  updates: 40,
  learningRate: 3e-4,
  prompts: 8,
  samples: 8,
  kl: 0.001,
  temperature: 0.1,
  gamma: 1,
  verifiableShare: 0,
  evaluateEvery: 5,
};

/** What the page shows when it is opened without a link. */
export function initialState(): State {
  const [example] = EXAMPLES;
  return {
    view: "solution",
    ...example.solution,
    separator: "\n\n",
    threshold: 0,
    temperature: 0.1,
    gamma: 1,
    perToken: false,
    form: "soft-min",
    baseline: "rloo-step",
    group: [],
    groupSource: "typed",
    training: { ...TRAINING },
    hidden: [],
  };
}

/** The whole of a state, with lists that belong together brought to one length. */
export function consistent(state: State): State {
  const count = state.steps.length;
  const fit = <T>(values: T[], missing: T): T[] => Array.from({ length: count }, (_, at) => values[at] ?? missing);
  const group = state.group.map((one) => {
    const length = one.steps.length;
    const pad = (values: number[], missing: number): number[] =>
      Array.from({ length }, (_, at) => values[at] ?? missing);
    return { ...one, rewards: pad(one.rewards, 0), tokens: pad(one.tokens, 1) };
  });
  const label = state.label !== null && state.label >= count ? null : state.label;
  return { ...state, scores: fit(state.scores, null), tokens: fit(state.tokens, 0), label, group };
}
