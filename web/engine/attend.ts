/** The other side of the engine: models, scores, samples and training by a wasm build, one call after another. */

import type { Judge, Model, Session } from "../app/wasm/engine/minform_web";
import type { Backend, Build, EngineMethods, ModelFile } from "./protocol";
import { type Listen, type Port, serve } from "./rpc";

/** What all builds with models have in common; each starts by a function of its own. */
type Wasm = Omit<typeof import("../app/wasm/engine/minform_web"), "default" | "initSync"> & {
  default(given?: { module_or_path: WebAssembly.Module }): Promise<unknown>;
};

/** Fetched when asked for: the full build is several times as large. */
const BUILDS: Record<Build, () => Promise<Wasm>> = {
  nano: () => import("../app/wasm/engine/minform_web"),
  full: () => import("../app/wasm/webgpu/minform_web"),
};

/**
 * Answers what arrives at `port`. Returns the function that stops and frees what was loaded, for those who share the
 * memory of the wasm build with others.
 */
export function attend(port: Port): () => Promise<void> {
  let loading: Promise<Wasm> | undefined;
  let policy: Model | undefined;
  let prm: Model | undefined;
  let judge: Judge | undefined;
  let session: Session | undefined;

  async function engine(): Promise<Wasm> {
    if (loading === undefined) throw new Error("the engine has not been started");
    return loading;
  }

  async function load(slot: "policy" | "prm", files: ModelFile[], listen: Listen<number>): Promise<void> {
    const { Model, Judge } = await engine();
    const model = await Model.load(files, listen);
    try {
      if (slot === "prm") {
        const next = new Judge(model);
        judge?.free();
        prm?.free();
        [judge, prm] = [next, model];
      } else {
        policy?.free();
        policy = model;
      }
    } catch (error) {
      model.free();
      throw error;
    }
  }

  const stop = serve<EngineMethods>(port, {
    async start({ build, backend, module }) {
      loading = start(build, backend, module);
      return (await loading).report();
    },
    async report() {
      return (await engine()).report();
    },
    async selfTest() {
      return (await engine()).selfTest();
    },
    async load({ slot, files }, listen) {
      await load(slot, files, listen);
      return needed(slot === "prm" ? prm : policy, "model").info();
    },
    score({ problem, steps }, listen) {
      return needed(judge, "reward model").score(problem, steps, listen);
    },
    async write({ problem, options }, listen) {
      const { Writer } = await engine();
      const writer = new Writer(needed(policy, "policy"));
      try {
        return await writer.write(problem, options, listen);
      } finally {
        writer.free();
      }
    },
    async problem({ seed, index, level }) {
      return (await engine()).problem(seed, index, level);
    },
    async check({ seed, index, level, steps }) {
      return (await engine()).check(seed, index, level, steps);
    },
    async grade({ text, answer }) {
      const { finalAnswer, gradeAnswer } = await engine();
      return { correct: gradeAnswer(text, answer), found: finalAnswer(text) };
    },
    async createSession(settings) {
      const { Session } = await engine();
      const next = Session.create(needed(policy, "policy"), needed(prm, "reward model"), settings);
      session?.free();
      session = next;
      return null;
    },
    async step({ count }, listen) {
      await needed(session, "run").step(count, listen);
      return null;
    },
  });

  return async () => {
    await stop();
    for (const one of [session, judge, prm, policy]) one?.free();
    session = judge = prm = policy = undefined;
  };
}

async function start(build: Build, backend: Backend, module: WebAssembly.Module | undefined): Promise<Wasm> {
  const wasm = await BUILDS[build]();
  await (module === undefined ? wasm.default() : wasm.default({ module_or_path: module }));
  await wasm.start(backend);
  return wasm;
}

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is no ${what} yet`);
  return value;
}
