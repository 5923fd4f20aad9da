/** Solutions and states as files: what the page writes it reads again, and the formats of the field beside it. */

import { Refused, partial } from "./schema";
import { FIELDS, LIMITS, type Source, type State, consistent, initialState } from "./state";

/** Longest file that is read. */
const LONGEST = 8_000_000;

/** One line of `minform prm score --json`. */
export interface ScoredRow {
  id: string;
  problem: string;
  steps: string[];
  scores: number[];
  /** Index of the first step below the threshold, −1 if there is none. */
  first_error: number;
  soft_min: number;
  min: number;
  label?: number;
}

/** A solution that was read from a file. */
export interface Imported {
  id: string;
  problem: string;
  steps: string[];
  /** One per step, or none. */
  scores: number[];
  /** Index of the first wrong step, −1 for none, null if nobody judged it. */
  label: number | null;
  /** Who made the scores, where it was not the file. */
  source?: Source;
}

type Row = Record<string, unknown>;

/** Reads JSON, JSON lines or a JSON array of rows; throws `Refused` with the row that is wrong. */
export function readRows(text: string): Imported[] {
  if (text.length > LONGEST) throw new Refused(`the file is longer than ${LONGEST / 1e6} MB`);
  const rows = parseRows(text).map(readRow);
  if (rows.length === 0) throw new Refused("the file has no rows");
  return rows;
}

function parseRows(text: string): unknown[] {
  const clean = text.replace(/^\uFEFF/, "").trim();
  try {
    const whole: unknown = JSON.parse(clean);
    return Array.isArray(whole) ? whole : [whole];
  } catch {
    const lines = clean.split(/\r?\n/).filter((line) => line.trim() !== "");
    return lines.map((line, at) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        throw new Refused(`line ${at + 1} is not JSON`);
      }
    });
  }
}

/** Rows of `prm score`, of ProcessBench (`problem`, `steps`, `label`), TRL (`prompt`, `completions`, `labels`) and PRM800K (`ratings`). */
function readRow(row: unknown, at: number): Imported {
  const where = `row ${at + 1}`;
  if (typeof row !== "object" || row === null) throw new Refused(`${where} is not an object`);
  const { id, problem, prompt, steps, completions, scores, label, labels, ratings } = row as Row;
  const texts = textList(steps ?? completions, where);
  const values = Array.isArray(scores) ? scores.filter((score) => typeof score === "number") : [];
  if (values.length > 0 && values.length !== texts.length) {
    throw new Refused(`${where} has ${texts.length} steps, but ${values.length} scores`);
  }
  return {
    id: typeof id === "string" ? id : String(at + 1),
    problem: (typeof problem === "string" ? problem : typeof prompt === "string" ? prompt : "").slice(0, LIMITS.text),
    steps: texts,
    scores: values.map((score) => Math.max(-1, Math.min(1, score))),
    label: firstWrong(label, labels ?? ratings, texts.length),
  };
}

function textList(value: unknown, where: string): string[] {
  if (!Array.isArray(value) || !value.every((step) => typeof step === "string")) {
    throw new Refused(`${where} has no list of texts named \`steps\` or \`completions\``);
  }
  if (value.length > LIMITS.steps) throw new Refused(`${where} has more than ${LIMITS.steps} steps`);
  return value.map((step) => step.trim().slice(0, LIMITS.step));
}

/** ProcessBench names the first wrong step, TRL judges each by true or false, PRM800K by 1, 0 and −1. */
function firstWrong(label: unknown, labels: unknown, steps: number): number | null {
  if (typeof label === "number" && Number.isInteger(label) && label >= -1 && label < steps) return label;
  return Array.isArray(labels) && labels.length > 0 ? labels.findIndex((one) => one === false || one === -1) : null;
}

/** The whole state, as `saveState` wrote it; an address is fetched from the page's own server. */
export async function readState(address: string): Promise<State> {
  const response = await fetch(address);
  if (!response.ok) throw new Refused(`${address} did not arrive: status ${response.status}`);
  return parseState(await response.text());
}

/** What `writeState` gave; null if the text is something else. */
export function parseState(text: string): State {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Refused("the file is not JSON");
  }
  const { minform_playground: fields } = parsed as { minform_playground?: unknown };
  if (fields === undefined) throw new Refused("the file does not hold a state of the playground");
  return consistent({ ...initialState(), ...partial(FIELDS)(fields, "") });
}

export function isState(text: string): boolean {
  return /^\s*\{\s*"minform_playground"/.test(text);
}

export function writeState(state: State): string {
  return `${JSON.stringify({ minform_playground: state }, null, 1)}\n`;
}
