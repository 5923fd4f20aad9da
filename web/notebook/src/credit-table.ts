/** The numbers of the credit views as rows for a table: both forms, every step. */

import { type State, withTokens } from "../../app/state";
import type { Workbench } from "../../app/workbench";

export interface CreditRow {
  form: "sum" | "min";
  /** Place of the solution in its group; 0 where there is one alone. */
  sample: number;
  step: number;
  reward: number;
  /** Weight of the step in the approximate minimum; null for the sum. */
  weight: number | null;
  /** The reward as it is paid: returns are plain sums of these. */
  paid: number;
  return: number;
  baseline: number;
  advantage: number;
}

interface Row {
  rewards: number[];
  tokens: number[];
}

/** Of the group in its view, else of the solution; empty while scores are missing. */
export function creditTable(bench: Workbench): CreditRow[] {
  const state = bench.state.value;
  const isGroup = state.view === "group" && state.group.length > 0;
  const rows = (isGroup ? state.group : solution(state)).map(withTokens);
  return [...lane(bench, rows, "sum", isGroup), ...lane(bench, rows, "min", isGroup)];
}

function solution({ scores, tokens }: Readonly<State>): Row[] {
  const rewards = scores.filter((score) => score !== null);
  return rewards.length === scores.length && rewards.length > 0 ? [{ rewards, tokens }] : [];
}

function lane(bench: Workbench, rows: Row[], form: CreditRow["form"], isGroup: boolean): CreditRow[] {
  const { credit, state } = bench;
  const by = form === "sum" ? bench.sumForm() : bench.minForm();
  const { temperature, baseline } = state.value;
  // A solution alone is compared with nothing.
  const credits = credit.group(rows, by, isGroup ? baseline : "none");
  return rows.flatMap(({ rewards }, sample) => {
    const values = Float32Array.from(rewards);
    const paid = credit.transformed(values, by);
    const weights = form === "sum" ? null : credit.weights(values, temperature);
    const { returns, advantages, baseline: compared } = credits[sample] ?? { returns: [], advantages: [], baseline: [] };
    return rewards.map((reward, step) => ({
      ...{ form, sample, step, reward, weight: weights?.[step] ?? null, paid: paid[step] ?? 0 },
      ...{ return: returns[step] ?? 0, baseline: compared[step] ?? 0, advantage: advantages[step] ?? 0 },
    }));
  });
}
