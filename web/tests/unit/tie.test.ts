import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Playground } from "../../app/playground";
import { TRAINING, initialState } from "../../app/state";
import type { Run } from "../../app/training";
import { type Command, Workbench } from "../../app/workbench";
import type { Credit } from "../../engine/protocol";
import type { Model, Traits } from "../../notebook/src/model";
import { Tie } from "../../notebook/src/tie";

vi.mock("../../notebook/src/credit-table", () => ({ creditTable: () => [] }));

/** A model whose Python answers when it is told to. */
function kernel(): { model: Model; set: (change: Partial<Traits>) => void; answer: () => void } {
  const traits = { _name: "", state: {}, _commands: [], _done: 0, _heard: {}, _known: {} } as unknown as Traits;
  const listeners = new Map<string, () => void>();
  const model = {
    get: (name: keyof Traits) => traits[name],
    set: (name: string, value: unknown) => Object.assign(traits, { [name]: value }),
    save_changes: () => undefined,
    on: (event: string, listener: () => void) => listeners.set(event, listener),
    off: (event: string) => listeners.delete(event),
  } as unknown as Model;
  const set = (change: Partial<Traits>): void => {
    Object.assign(traits, change);
    for (const name of Object.keys(change)) listeners.get(`change:${name}`)?.();
  };
  const answer = (): void => {
    const { run, from, rows } = traits._heard;
    set({ _known: { run, rows: from + rows.length } });
  };
  return { model, set, answer };
}

function tied(python = kernel()): ReturnType<typeof kernel> & { bench: Workbench; close: () => void; log: (rows: number, wait?: number) => void } {
  const bench = new Workbench({} as Credit, { models: "", recorded: "", page: "", engine: {} }, initialState());
  const tie = new Tie(python.model, bench);
  const lanes = { sum: { updates: [] }, min: { updates: [] } };
  const run = { name: "Run 1", log: [], settings: TRAINING, lanes } as unknown as Run;
  const log = (rows: number, wait = 150): void => {
    run.log.push(...Array.from({ length: rows }, () => ({}) as Run["log"][number]));
    bench.training.store.set({ run, phase: "playing" });
    vi.advanceTimersByTime(wait);
  };
  return { ...python, bench, log, close: () => tie.close({} as Playground) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the live run, as Python hears of it", () => {
  const heard = ({ model }: { model: Model }): [number, number] => [model.get("_heard").from, model.get("_heard").rows.length];

  it("is told bit by bit, the next when the one before has arrived", () => {
    const python = tied();
    python.log(2);
    expect(heard(python)).toEqual([0, 2]);
    python.log(3);
    expect(heard(python)).toEqual([0, 2]);
    python.answer();
    vi.advanceTimersByTime(150);
    expect(heard(python)).toEqual([2, 3]);
  });

  it("is told again if no answer comes", () => {
    const python = tied();
    python.log(2);
    const { telling } = python.model.get("_heard");
    vi.advanceTimersByTime(9000);
    expect(python.model.get("_heard").telling).toBe(telling);
    vi.advanceTimersByTime(2000);
    expect(python.model.get("_heard").telling).toBeGreaterThan(telling);
    expect(heard(python)).toEqual([0, 2]);
    python.answer();
    const last = python.model.get("_heard").telling;
    vi.advanceTimersByTime(60_000);
    expect(python.model.get("_heard").telling).toBe(last);
  });

  it("is told to its end when the last view goes", () => {
    const python = tied();
    python.log(2);
    python.log(3, 0);
    python.close();
    expect(heard(python)).toEqual([0, 5]);
    vi.advanceTimersByTime(60_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("a page in which nothing was trained leaves the rows of an earlier run alone", () => {
  const python = tied();
  python.set({ _known: { run: "earlier", rows: 3 } });
  vi.advanceTimersByTime(150);
  python.close();
  expect(python.model.get("_heard")).toEqual({});
});

describe("commands of Python", () => {
  const steps = (...ids: number[]): Traits["_commands"] => ids.map((id) => ({ id, do: "step" as const }));

  function driven({ bench }: { bench: Workbench }): { ends: (() => void)[]; all: Command[] } {
    const [ends, all]: [(() => void)[], Command[]] = [[], []];
    vi.spyOn(bench, "drive").mockImplementation((command) => (all.push(command), new Promise((resolve) => ends.push(resolve))));
    return { ends, all };
  }

  it("count as done when they were carried out, each in its turn, and are taken up once", async () => {
    const python = tied();
    const { ends, all } = driven(python);
    python.set({ _commands: steps(1, 2) });
    python.set({ _commands: steps(1, 2, 3) });
    expect(all).toEqual([{ do: "step" }, { do: "step" }, { do: "step" }]);
    expect(python.model.get("_done")).toBe(0);
    ends[1]?.();
    await vi.advanceTimersByTimeAsync(1);
    expect(python.model.get("_done")).toBe(0);
    ends[0]?.();
    await vi.advanceTimersByTimeAsync(1);
    expect(python.model.get("_done")).toBe(2);
  });

  it("are left to the next page if this one ends before", async () => {
    const python = tied();
    const { ends } = driven(python);
    python.set({ _commands: steps(1) });
    python.close();
    ends[0]?.();
    await vi.advanceTimersByTimeAsync(1);
    expect(python.model.get("_done")).toBe(0);
  });
});
