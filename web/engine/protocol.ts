/**
 * What the page may ask of the engine.
 *
 * Nothing here computes, and the types of values are those that the wasm builds generate. `Credit` runs on the page's
 * thread, `EngineMethods` in a worker.
 */

import type * as credit from "../app/wasm/credit/minform_web";
import type {
  Backend,
  DeviceReport,
  Event,
  ModelFile,
  ModelInfo,
  Piece,
  Scores,
  SelfTest,
  SessionSettings,
  WorldProblem,
  WriteOptions,
  Written,
} from "../app/wasm/engine/minform_web";
import type { Call } from "./rpc";

export type { Aggregate, Baseline, Detection, Form, RowCredit } from "../app/wasm/credit/minform_web";
export type {
  Backend,
  DeviceReport,
  Evaluation,
  Event,
  ModelFile,
  ModelInfo,
  Piece,
  Sample,
  Scores,
  SelfTest,
  SessionSettings,
  Update,
  WorldProblem,
  WriteOptions,
  Written,
} from "../app/wasm/engine/minform_web";

/** The arithmetic of credit, synchronous: what a slider recomputes in one frame. */
export type Credit = Omit<typeof credit, "default" | "initSync">;

/** Which of the wasm builds with models. */
export type Build = "nano" | "full";

/** The place of a model in the engine. */
export type Slot = "policy" | "prm";

/** What is to be said of the answer of a text. */
export interface Grade {
  correct: boolean;
  /** The answer that was found, if any. */
  found: string | undefined;
}

/** The functions of the worker. */
export interface EngineMethods {
  start: Call<{ build: Build; backend: Backend; module: WebAssembly.Module | undefined }, DeviceReport>;
  report: Call<null, DeviceReport>;
  selfTest: Call<null, SelfTest[]>;
  load: Call<{ slot: Slot; files: ModelFile[] }, ModelInfo, number>;
  score: Call<{ problem: string; steps: string[] }, Scores, number>;
  write: Call<{ problem: string; options: WriteOptions }, Written[], Piece>;
  problem: Call<{ seed: number; index: number; level: number }, WorldProblem>;
  check: Call<{ seed: number; index: number; level: number; steps: string[] }, boolean[]>;
  grade: Call<{ text: string; answer: string }, Grade>;
  createSession: Call<SessionSettings, null>;
  step: Call<{ count: number }, null, Event>;
}
