/** Two policies in training from one seed, one paid by the sum, one by the minimum: each in a worker of its own. */

import type { Engine } from "../engine/engine";
import type { Evaluation, Event, Form, Sample, SessionSettings, Update } from "../engine/protocol";
import { messageOf } from "../engine/rpc";
import type { Training } from "./state";
import { Store } from "./store";
import { record } from "./timings";

export const LANES = ["sum", "min"] as const;
export type LaneName = (typeof LANES)[number];

/** What is known of one policy. */
export interface LaneRecord {
  updates: Update[];
  evaluations: Evaluation[];
  /** The newest samples, newest first. */
  samples: Sample[];
  /** Why it goes no further, if it does not. */
  stopped: string;
}

/** A row of the log of a run, as the native program writes them, and whose it is. */
export type LoggedEvent = Event & {
  /** Seconds since the run began. */
  time: number;
  lane: LaneName;
};

export interface Run {
  name: string;
  /** When it began, on the clock of the page. */
  began: number;
  /** Everything that was told of it, oldest first; grows in place. */
  log: LoggedEvent[];
  settings: Training;
  lanes: Record<LaneName, LaneRecord>;
  /** Drawn behind the present run. */
  overlaid: boolean;
}

export interface TrainingState {
  phase: "empty" | "preparing" | "paused" | "playing" | "done";
  run: Run | null;
  /** Runs made before, newest first. */
  past: Run[];
  /** Pause after each update, in milliseconds. */
  pause: number;
  failure: string;
}

const SAMPLES_KEPT = 6;
const RUNS_KEPT = 12;

export class LiveTraining {
  readonly store = new Store<TrainingState>({ phase: "empty", run: null, past: [], pause: 0, failure: "" });
  #makeEngine: () => Promise<Engine>;
  #engines: Record<LaneName, Engine> | null = null;
  #playing: AbortController | null = null;
  #idle: Promise<void> = Promise.resolve();
  #count = 0;

  constructor(makeEngine: () => Promise<Engine>) {
    this.#makeEngine = makeEngine;
  }

  /** Updates that both lanes have made. */
  get made(): number {
    const { run } = this.store.value;
    return run === null ? 0 : Math.min(...LANES.map((lane) => run.lanes[lane].updates.length));
  }

  /** Goes on until it is paused or done, or has made so many updates more; refuses if it is going on already. */
  play(settings: Training, most = Infinity): Promise<void> {
    return this.#go(settings, async (signal) => {
      for (let made = 0; made < most && !signal.aborted && !this.#isDone(); made += 1) {
        if (made > 0) await pause(this.store.value.pause, signal);
        if (!signal.aborted) await this.#update();
      }
    });
  }

  /** Stops after the update in progress, so that both policies have made as many. */
  pause(): void {
    this.#playing?.abort();
  }

  /** Puts the run away among the past ones; the next begins from the first policy. */
  async reset(): Promise<void> {
    this.#playing?.abort();
    await this.#idle;
    const { run, past } = this.store.value;
    const kept = run !== null && run.lanes.sum.updates.length > 0 ? [run, ...past].slice(0, RUNS_KEPT) : past;
    this.store.set({ phase: "empty", run: null, past: kept, failure: "" });
  }

  change(run: Run, change: Partial<Pick<Run, "name" | "overlaid">>): void {
    this.store.set({ past: this.store.value.past.map((one) => (one === run ? { ...one, ...change } : one)) });
  }

  remove(run: Run): void {
    this.store.set({ past: this.store.value.past.filter((one) => one !== run) });
  }

  /** Ends the workers. */
  close(): void {
    this.#playing?.abort();
    if (this.#engines !== null) for (const lane of LANES) this.#engines[lane].end();
    this.#engines = null;
  }

  /** Prepares what is not ready, acts, and says how it ended. One at a time: what a pause has cut short ends before. */
  #go(settings: Training, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#playing?.signal.aborted === false) return Promise.reject(new Error("the run is going on already; pause it first"));
    const playing = new AbortController();
    this.#playing = playing;
    this.#idle = this.#idle.then(() => this.#run(settings, act, playing));
    return this.#idle;
  }

  async #run(settings: Training, act: (signal: AbortSignal) => Promise<void>, playing: AbortController): Promise<void> {
    const { signal } = playing;
    try {
      if (signal.aborted) return;
      await this.#prepare(settings);
      this.store.set({ phase: "playing", failure: "" });
      await act(signal);
    } catch (error) {
      this.store.set({ failure: messageOf(error) });
    } finally {
      if (this.#playing === playing) this.#playing = null;
      this.store.set({ phase: this.#isDone() ? "done" : this.store.value.run === null ? "empty" : "paused" });
    }
  }

  /** Makes the workers once, and a session in each for every run. */
  async #prepare(settings: Training): Promise<void> {
    if (this.store.value.run !== null) return;
    this.store.set({ phase: "preparing" });
    this.#engines ??= await both(() => this.#makeEngine());
    const engines = this.#engines;
    await both((lane) => engines[lane].call("createSession", sessionSettings(settings, lane)));
    this.#count += 1;
    const empty = (): LaneRecord => ({ updates: [], evaluations: [], samples: [], stopped: "" });
    const lanes = { sum: empty(), min: empty() };
    const run = { name: `Run ${this.#count}`, began: performance.now(), log: [], settings, lanes, overlaid: false };
    this.store.set({ run });
  }

  /** One update of every lane that still goes, side by side; a lane that fails stops alone. */
  async #update(): Promise<void> {
    const engines = this.#engines;
    if (engines === null) return;
    const start = performance.now();
    await both(async (lane) => {
      if (this.#lane(lane)?.stopped !== "") return;
      try {
        await engines[lane].call("step", { count: 1 }, { listen: (event) => this.#hear(lane, event) });
      } catch (error) {
        this.#change(lane, { stopped: messageOf(error) });
      }
    });
    const spent = performance.now() - start;
    record("one update of both policies", spent);
    record("updates of a policy, a second", (1000 * LANES.length) / spent);
  }

  #hear(lane: LaneName, event: Event): void {
    const record = this.#lane(lane);
    if (record === undefined) return;
    this.#log(lane, event);
    if (event.event === "update") this.#change(lane, { updates: [...record.updates, event] });
    else if (event.event === "evaluation") this.#change(lane, { evaluations: merged(record.evaluations, event) });
    else if (event.event === "sample") this.#change(lane, { samples: [event, ...record.samples].slice(0, SAMPLES_KEPT) });
    else if (event.event === "guard" && event.action === "stop") this.#change(lane, { stopped: event.seen });
  }

  /** Progress comes with every token and is no row of a log. */
  #log(lane: LaneName, event: Event): void {
    const { run } = this.store.value;
    if (event.event === "progress") return;
    run?.log.push({ time: (performance.now() - run.began) / 1000, lane, ...event });
  }

  #lane(lane: LaneName): LaneRecord | undefined {
    return this.store.value.run?.lanes[lane];
  }

  #change(lane: LaneName, change: Partial<LaneRecord>): void {
    const { run } = this.store.value;
    if (run === null) return;
    this.store.set({ run: { ...run, lanes: { ...run.lanes, [lane]: { ...run.lanes[lane], ...change } } } });
  }

  #isDone(): boolean {
    const { run } = this.store.value;
    if (run === null) return false;
    return LANES.every((lane) => run.lanes[lane].stopped !== "" || run.lanes[lane].updates.length >= run.settings.updates);
  }
}

/** The evaluation after the last update repeats the one that was due; a curve has one point per update. */
function merged(before: Evaluation[], event: Evaluation): Evaluation[] {
  return [...before.filter(({ step }) => step !== event.step), event];
}

function sessionSettings(settings: Training, lane: LaneName): SessionSettings {
  const { temperature, gamma, ...rest } = settings;
  const form: Form = lane === "sum" ? { form: "sum", gamma } : { form: "soft-min", temperature };
  return { ...rest, form };
}

/** The same for both lanes at once. */
async function both<T>(act: (lane: LaneName) => Promise<T>): Promise<Record<LaneName, T>> {
  const [sum, min] = await Promise.all([act("sum"), act("min")]);
  return { sum, min };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
