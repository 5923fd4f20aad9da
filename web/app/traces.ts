/** Runs of the native program, recorded: the summary that `minform experiment credit-forms` writes. */

import { type Place, open } from "./place";
import { Refused } from "./schema";

/** The evaluations of one run. */
export interface Trace {
  arm: string;
  seed: number;
  rows: TraceRow[];
}

export interface TraceRow {
  step: number;
  /** Share of held-out problems that a sampled response solves. */
  sampled: number | null;
  steps: number | null;
  /** Of the reward model over the steps of the policy's responses. */
  auc: number | null;
  /** What the reward model pays for a response. */
  outcome: number | null;
}

const FIELDS = ["step", "sampled", "steps", "auc", "outcome"] as const;

export async function fetchTraces(folder: Place): Promise<Trace[]> {
  const response = await open(folder, "credit-forms.csv");
  if (!response.ok) throw new Error(`the recorded runs did not arrive: status ${response.status}`);
  return readTraces(await response.text());
}

/** Reads the summary; a cell may be empty. */
export function readTraces(csv: string): Trace[] {
  const [head = "", ...lines] = csv.trim().split(/\r?\n/);
  const columns = head.split(",");
  const missing = ["arm", "seed", ...FIELDS].filter((name) => !columns.includes(name));
  if (missing.length > 0) throw new Refused(`the summary has no column ${missing.join(", ")}`);
  const traces = new Map<string, Trace>();
  for (const line of lines) {
    const cells = new Map(line.split(",").map((cell, at) => [columns[at], cell]));
    const value = (name: string): number | null => (cells.get(name) ? Number(cells.get(name)) : null);
    const [arm, seed] = [cells.get("arm") ?? "", value("seed") ?? 0];
    const trace = traces.get(`${arm} ${seed}`) ?? { arm, seed, rows: [] };
    traces.set(`${arm} ${seed}`, trace);
    const [sampled, steps, auc, outcome] = FIELDS.slice(1).map(value);
    trace.rows.push({
      step: value("step") ?? 0,
      ...{ sampled: sampled ?? null, steps: steps ?? null, auc: auc ?? null, outcome: outcome ?? null },
    });
  }
  return [...traces.values()];
}
