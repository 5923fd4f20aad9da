/** One playground: its state, its engine, and what a user can do to both. */

import { Engine, type EngineOptions, isBroken } from "../engine/engine";
import type { Backend, Build, Credit, DeviceReport, Form, ModelFile, ModelInfo, Piece, Scores, SelfTest, Slot, WriteOptions, Written } from "../engine/protocol";
import { type CallOptions, isCancelled, messageOf } from "../engine/rpc";
import { Edits } from "./edits";
import type { Example, Solution } from "./examples";
import type { Imported } from "./files";
import { type Progress, fetchNano } from "./models";
import type { Place } from "./place";
import { partial } from "./schema";
import { type Control, FIELDS, LIMITS, type Source, type State, consistent, initialState } from "./state";
import type { Edit } from "./steps";
import { Store } from "./store";
import { record } from "./timings";
import { LiveTraining } from "./training";

/** What a link does not hold: how the engine is, and what is going on. */
export interface Live {
  engine: "off" | "loading" | "ready" | "failed";
  problem: string;
  progress: Progress | null;
  device: DeviceReport | null;
  models: Partial<Record<Slot, ModelInfo>>;
  /** Whether the models are the user's own. */
  own: boolean;
  scoring: boolean;
  /** Share of the words on screen that the model has no token for. */
  unknown: number;
  /** Whether there is an edit to take back. */
  undoable: boolean;
  /** The solutions of a file that was opened, and which of them is on screen. */
  rows: Imported[];
  row: number;
  /** Who made the samples of the best-of-N view. */
  samples: Source;
  selected: number;
  /** The last thing worth a word. */
  notice: { text: string; kind: "info" | "error" } | null;
}

/** What a page around this one, or a notebook, can have the live run do. */
export interface Command {
  do: "play" | "pause" | "step" | "reset";
  /** How many updates a step makes; 1 unless told. */
  count?: number;
}

export interface Addresses {
  /** Whether the playground stands in a page of somebody else, whose keys are not ours. */
  embedded?: boolean;
  /** Folder that holds `nano/`. */
  models: Place;
  /** Folder that holds recorded samples. */
  recorded: Place;
  /** Address of a page with the playground alone; empty where nobody told one. */
  page: string | URL;
  engine: EngineOptions;
}

/** Parameters from which a GPU may be faster than the CPU; smaller models wait for it longer than it computes. */
const GAINS = 20e6;

export class Workbench {
  readonly state: Store<State>;
  readonly live = new Store<Live>({
    engine: "off",
    problem: "",
    progress: null,
    device: null,
    models: {},
    own: false,
    scoring: false,
    unknown: 0,
    undoable: false,
    rows: [],
    row: 0,
    samples: "recorded",
    selected: 0,
    notice: null,
  });
  readonly training = new LiveTraining(() => this.spareEngine());
  readonly credit: Credit;
  readonly addresses: Addresses;
  #edits = new Edits();
  #engine: Engine | null = null;
  #nano: Promise<Record<Slot, ModelFile[]>> | null = null;
  #scoring: AbortController | null = null;
  #build: Build = "nano";
  #driven: Promise<void> = Promise.resolve();
  /** How often a pause was asked for. */
  #pauses = 0;

  constructor(credit: Credit, addresses: Addresses, state: State = initialState()) {
    this.credit = credit;
    this.addresses = addresses;
    this.state = new Store(state);
  }

  /** Whether a control is on the page; a teacher may have taken it away. */
  shows(control: Control): boolean {
    return !this.state.value.hidden.includes(control);
  }

  /** Takes over fields from outside, checked; where scores are missing that the model may give, it is asked. */
  change(fields: unknown): void {
    const changed = partial(FIELDS)(fields, "");
    this.state.set(consistent({ ...this.state.value, ...changed }));
    const { scores, rescore } = this.state.value;
    if (rescore && scores.includes(null)) void this.rescore();
  }

  /** Changes the state and measures how long the page takes to show it. */
  adjust(change: Partial<State>, what: string, drawn: Promise<unknown>): void {
    const start = performance.now();
    this.state.set(change);
    void drawn.then(() => record(what, performance.now() - start));
  }

  /** What went wrong stays on screen until it is closed or something else is done. */
  say(text: string, kind: "info" | "error" = "info"): void {
    if (kind === "info" && this.live.value.notice?.kind === "error") return;
    this.live.set({ notice: { text, kind } });
  }

  select(step: number): void {
    this.live.set({ selected: Math.max(0, Math.min(step, this.state.value.steps.length - 1)) });
  }

  /** The credit form of the min lane: exact at T = 0. */
  minForm(): Form {
    const { temperature } = this.state.value;
    return temperature > 0 ? { form: "soft-min", temperature } : { form: "exact-min" };
  }

  sumForm(): Form {
    return { form: "sum", gamma: this.state.value.gamma };
  }

  open({ solution }: Example): void {
    this.#forget();
    this.state.set({ ...solution, scores: [...solution.scores] });
    this.select(0);
    if (solution.rescore) void this.rescore();
  }

  /** Opens a solution of another view in the first one. */
  openSolution({ scores, ...given }: Pick<Solution, "steps" | "scores" | "source"> & Partial<Solution>): void {
    this.#forget();
    const { steps } = given;
    const known = steps.map((_, at) => scores[at] ?? null);
    this.state.set({ view: "solution", tokens: steps.map(() => 0), label: null, ...given, scores: known });
    this.select(0);
  }

  /** The steps of a text; null, with a word to the user, if the separator is a pattern that is none. */
  split(text: string, separator: string): string[] | null {
    try {
      return this.credit.splitSteps(text, separator).slice(0, LIMITS.steps);
    } catch (error) {
      this.say(`The text was not cut: ${messageOf(error)}.`, "error");
      return null;
    }
  }

  /** Solutions of a file, the first of which is opened. */
  showRows(rows: Imported[]): void {
    this.live.set({ rows });
    this.showRow(0);
  }

  showRow(row: number): void {
    const found = this.live.value.rows[row];
    if (found === undefined) return;
    const { problem, steps, scores, label, source = "imported" } = found;
    this.live.set({ row });
    // Scores of another model are kept apart from ours; where there are none, an edit may ask for them.
    const rescore = source !== "imported" || scores.length === 0;
    this.openSolution({ problem, answer: "", steps, scores, label, source, rescore });
  }

  /** Scores those solutions of the file that have no scores, one after another. */
  async *scoreRows(signal: AbortSignal): AsyncGenerator<void> {
    const source = this.live.value.own ? "own" : "nano";
    for (const [at, { problem, steps, scores: known }] of this.live.value.rows.entries()) {
      if (known.length === steps.length) continue;
      const { scores, tokens } = await this.score(problem, steps, signal);
      const { rows } = this.live.value;
      const row = rows[at];
      // Another file may have been opened in the meantime.
      if (row?.steps !== steps) return;
      this.live.set({ rows: rows.with(at, { ...row, scores: [...scores], source }) });
      if (this.state.value.steps === steps) this.state.set({ scores: [...scores], tokens: [...tokens], source, rescore: true });
      yield;
    }
  }

  /** Takes an edit over and has the model score what came after it; scores typed by hand stay. */
  apply(edit: Edit): void {
    this.#remember();
    const { steps, tokens, validUntil, selected } = edit;
    const stays = (at: number): boolean => at < validUntil || this.state.value.source === "typed";
    const scores = edit.scores.map((score, at) => (stays(at) ? score : null));
    this.state.set({ steps, scores, tokens, label: null });
    this.select(selected);
    if (this.#rescores()) void this.rescore(validUntil);
  }

  /** A score set by hand; from then on an edit does not overwrite it. */
  setScore(at: number, score: number): void {
    this.#scoring?.abort();
    this.#remember();
    const scores = this.state.value.scores.with(at, score);
    this.state.set({ scores, source: "typed", rescore: false });
  }

  rewriteProblem(problem: string): void {
    this.#remember();
    this.state.set({ problem, answer: "", label: null });
    if (this.#rescores()) void this.rescore();
  }

  /** Cuts the whole solution anew: how it is cut is part of the reward. */
  resplit(separator: string): void {
    const text = this.#edits.textOf(this.state.value);
    const cut = this.split(text, separator);
    if (cut === null) return;
    this.apply({ steps: cut, scores: cut.map(() => null), tokens: cut.map(() => 0), validUntil: 0, selected: 0 });
    this.state.set({ separator });
    this.#edits.cut(text, cut);
  }

  /** Takes the last edit back. */
  undo(): void {
    const before = this.#edits.undo();
    if (before === undefined) return;
    this.#scoring?.abort();
    this.state.set(before);
    this.live.set({ undoable: this.#edits.any, notice: { text: "Undone.", kind: "info" } });
    this.select(this.live.value.selected);
  }

  #remember(): void {
    this.#edits.remember(this.state.value);
    this.live.set({ undoable: true, notice: null });
  }

  #forget(): void {
    this.#edits.forget();
    this.live.set({ undoable: false, notice: null });
  }

  #rescores(): boolean {
    return this.state.value.rescore && this.live.value.models.prm !== undefined;
  }

  /** Asks the PRM for the scores; a newer request cancels an older one. */
  async rescore(from = 0): Promise<void> {
    if (this.live.value.models.prm === undefined) return;
    this.#scoring?.abort();
    const scoring = new AbortController();
    this.#scoring = scoring;
    const { problem, steps } = this.state.value;
    this.live.set({ scoring: true });
    try {
      const { scores, tokens, unknown, total } = await this.score(problem, steps, scoring.signal);
      // Something else may have been opened in the meantime.
      if (this.state.value.steps !== steps || this.state.value.problem !== problem) return;
      const source = this.live.value.own ? "own" : "nano";
      this.state.set({ scores, tokens, source, rescore: true });
      const strange = unknown > 0 ? ` The model does not know ${unknown} of its ${total} words and signs.` : "";
      this.live.set({ unknown: unknown / Math.max(1, total) });
      this.say(`Scored from step ${Math.min(from + 1, steps.length)} on.${strange}`);
    } catch (error) {
      if (!isCancelled(error)) await this.#recover(error, "The model could not score this");
    } finally {
      if (this.#scoring === scoring) this.live.set({ scoring: false });
    }
  }

  /** Samples solutions from the policy. */
  write(problem: string, options: WriteOptions, signal: AbortSignal, listen?: (piece: Piece) => void): Promise<Written[]> {
    return this.engine.call("write", { problem, options }, { signal, listen });
  }

  /** Scores a solution without showing it. */
  async score(problem: string, steps: string[], signal?: AbortSignal): Promise<Scores> {
    const scored = await this.engine.call("score", { problem, steps }, { signal });
    record("score a solution", scored.milliseconds);
    if (scored.milliseconds > 0) record("tokens scored a second", ((scored.total - scored.kept) * 1000) / scored.milliseconds);
    return scored;
  }

  /** The engine for scores and samples, started when first asked for. */
  get engine(): Engine {
    this.#engine ??= new Engine(this.addresses.engine);
    return this.#engine;
  }

  /** Another worker with the nano models, for a run that must not hold up the rest. */
  async spareEngine(): Promise<Engine> {
    const engine = new Engine(this.addresses.engine);
    const nano = await this.#fetchNano();
    await Promise.all([engine.load("policy", nano.policy), engine.load("prm", nano.prm)]);
    return engine;
  }

  /** Fetches the engine and the nano models, and scores what is on screen. */
  async start(): Promise<void> {
    if (this.live.value.engine === "loading" || this.live.value.engine === "ready") return;
    this.live.set({ engine: "loading", problem: "" });
    const start = performance.now();
    try {
      const [device, nano] = await Promise.all([this.engine.device, this.#fetchNano()]);
      const prm = await this.engine.load("prm", nano.prm);
      const policy = await this.engine.load("policy", nano.policy);
      this.live.set({ engine: "ready", device, models: { prm, policy }, own: false, progress: null });
      record("engine and nano models", performance.now() - start);
      if (this.state.value.rescore) await this.rescore();
    } catch (error) {
      this.live.set({ engine: "failed", problem: messageOf(error), progress: null });
    }
  }

  /** Ends when the nano models are there; fails if they do not come. */
  whenReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = ({ engine, problem }: Readonly<Live>): void => {
        if (engine !== "ready" && engine !== "failed") return;
        end();
        if (engine === "ready") resolve();
        else reject(new Error(problem));
      };
      const end = this.live.subscribe(look);
      look(this.live.value);
    });
  }

  /**
   * Drives the live run from outside: one command after another, as soon as there are models. Ends when the command is
   * carried out or refused; a play is carried out once it has begun.
   */
  async drive(command: Command): Promise<void> {
    // A pause is not for the end of the steps that it is to cut short.
    if (command.do === "pause") return this.pause();
    const pauses = this.#pauses;
    this.#driven = this.#driven.then(async () => {
      try {
        await this.whenReady();
        if (command.do === "reset") return await this.training.reset();
        if (pauses !== this.#pauses) return;
        const going = this.play(command.do === "step" ? (command.count ?? 1) : Infinity);
        if (command.do === "step") await going;
      } catch (error) {
        this.#refuse(error);
      }
    });
    return this.#driven;
  }

  /** Has the live run go on, by the settings on screen; says so if it cannot. */
  play(most = Infinity): Promise<void> {
    return this.training.play(this.state.value.training, most).catch((error: unknown) => this.#refuse(error));
  }

  /** Stops the live run after the update in progress, and what waits to go on. */
  pause(): void {
    this.#pauses += 1;
    this.training.pause();
  }

  #refuse(error: unknown): void {
    this.say(`Not done: ${messageOf(error)}.`, "error");
  }

  /** Loads a model of the user's own in place of the nano one; pretrained models need the full build. */
  async loadOwn(slot: Slot, files: ModelFile[], options?: CallOptions<number>): Promise<void> {
    if (this.#build === "nano" && (await this.#isForeign(slot, files))) await this.#restart({ build: "full" });
    const info = await this.#load(slot, files, options);
    this.live.set({ models: { ...this.live.value.models, [slot]: info }, own: true });
    const onCpu = this.live.value.device?.backend !== "webgpu";
    if (info.parameters >= GAINS && onCpu && "gpu" in navigator) this.say("A model of this size gains from a GPU: Device can try yours.");
    if (slot === "prm") await this.rescore();
  }

  /** After a failure that ends the engine, it is started again with the models it had. */
  async #load(slot: Slot, files: ModelFile[], options?: CallOptions<number>): Promise<ModelInfo> {
    try {
      return await this.engine.load(slot, files, options);
    } catch (error) {
      if (isBroken(error)) await this.#restart({});
      throw error;
    }
  }

  /** Whether the tokenizer is another than that of the arithmetic world. */
  async #isForeign(slot: Slot, files: ModelFile[]): Promise<boolean> {
    const tokenizer = (from: ModelFile[]): string => {
      const file = from.find(({ name }) => name === "tokenizer.json");
      return file === undefined ? "" : new TextDecoder().decode(file.bytes);
    };
    return tokenizer(files) !== tokenizer((await this.#fetchNano())[slot]);
  }

  /** Changes what the engine computes on. The GPU is kept only if it passes its tests; else the CPU goes on. */
  async useBackend(backend: Backend): Promise<{ tests: SelfTest[]; failure: string }> {
    let tests: SelfTest[] = [];
    try {
      await this.#restart({ backend, build: backend === "webgpu" || this.live.value.own ? "full" : "nano" });
      tests = await this.engine.call("selfTest", null);
      const failed = tests.filter((test) => !test.passed).map((test) => test.name);
      if (failed.length > 0) throw new Error(`it computes wrongly: ${failed.join(", ")}`);
      return { tests, failure: "" };
    } catch (error) {
      if (backend === "cpu") return { tests, failure: messageOf(error) };
      await this.useBackend("cpu");
      return { tests, failure: `The GPU is not used: ${messageOf(error)}. The CPU goes on.` };
    }
  }

  /** After a failure that leaves the engine unusable, another one is started; where the GPU failed, on the CPU. */
  async #recover(error: unknown, what: string): Promise<void> {
    const name = error instanceof Error ? error.name : "";
    let after = "";
    if (name === "DeviceError" && this.live.value.device?.backend === "webgpu") {
      await this.useBackend("cpu");
      after = ". The CPU goes on";
    } else if (isBroken(error)) {
      await this.#restart({});
      after = ". The engine was started again";
    }
    this.say(`${what}: ${messageOf(error)}${after}.`, "error");
  }

  /** Ends whatever the engine does, and starts it again with the same models. */
  async restart(): Promise<void> {
    await this.#restart({});
    this.say("The engine was started again.");
  }

  async #restart(change: { build?: Build; backend?: Backend }): Promise<void> {
    this.live.set({ engine: "loading" });
    try {
      const device = await this.engine.restart(change);
      this.#build = change.build ?? this.#build;
      this.live.set({ engine: "ready", device });
    } catch (error) {
      this.live.set({ engine: "failed", problem: messageOf(error) });
      throw error;
    }
  }

  /** Ends everything that runs. */
  close(): void {
    this.pause();
    this.training.close();
    this.#engine?.end();
    this.#engine = null;
  }

  #fetchNano(): Promise<Record<Slot, ModelFile[]>> {
    this.#nano ??= fetchNano(this.addresses.models, (progress) => this.live.set({ progress }));
    // A download that failed may be tried again.
    this.#nano.catch(() => (this.#nano = null));
    return this.#nano;
  }
}
