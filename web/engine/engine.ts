/** The engine as the page sees it: a worker that can be cancelled softly, ended, and started again. */

import type { Backend, Build, DeviceReport, EngineMethods, ModelFile, ModelInfo, Slot } from "./protocol";
import { ownWorker } from "./own-worker";
import { type CallOptions, type Port, Remote } from "./rpc";

export interface EngineOptions {
  /** The small build knows the models of the arithmetic world; the full one pretrained models and the GPU. */
  build?: Build;
  backend?: Backend;
  /** Makes the worker; a page that bundles this one differently brings its own. */
  worker?: () => Seat;
  /** The small build, compiled already; otherwise the worker fetches it. */
  module?: WebAssembly.Module;
}

/** Where an engine sits: a worker, or what behaves like one. */
export interface Seat extends Port {
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  terminate(): void;
}

/** Models by slot, kept so that a worker started anew can load them again. */
export type Models = Partial<Record<Slot, ModelFile[]>>;

/** The name of errors after which the worker is of no use any more: those that a wasm program ends with. */
const BROKEN = "RuntimeError";

/** Whether the engine has to be started again before it can do anything. */
export function isBroken(error: unknown): boolean {
  return error instanceof Error && [BROKEN, "RangeError"].includes(error.name);
}

/** What is to be said of a worker that has come to its end by itself. */
function reason({ message }: ErrorEvent): string {
  if (!message) return "the engine could not be loaded";
  return message.includes("RuntimeError") ? "the engine broke off, and the browser's console says why" : message;
}

export class Engine {
  #worker: Seat;
  #remote: Remote<EngineMethods>;
  #options: EngineOptions;
  #models: Models = {};
  #ready: Promise<DeviceReport>;

  constructor(options: EngineOptions = {}) {
    this.#options = options;
    [this.#worker, this.#remote, this.#ready] = this.#start();
  }

  /** What it runs on, once it runs. */
  get device(): Promise<DeviceReport> {
    return this.#ready;
  }

  async load(slot: Slot, files: ModelFile[], options?: CallOptions<number>): Promise<ModelInfo> {
    const info = await this.call("load", { slot, files }, options);
    this.#models[slot] = files;
    return info;
  }

  async call<K extends keyof EngineMethods & string>(
    method: K,
    input: EngineMethods[K]["input"],
    options?: CallOptions<EngineMethods[K]["event"]>,
  ): Promise<EngineMethods[K]["output"]> {
    await this.#ready;
    return this.#remote.call(method, input, options);
  }

  /** Ends the worker whatever it does, and starts another with the same models. */
  async restart(change: Partial<EngineOptions> = {}): Promise<DeviceReport> {
    this.end("the engine was restarted");
    this.#options = { ...this.#options, ...change };
    [this.#worker, this.#remote, this.#ready] = this.#start();
    const device = await this.#ready;
    for (const slot of ["policy", "prm"] as const) {
      const files = this.#models[slot];
      if (files !== undefined) await this.#remote.call("load", { slot, files });
    }
    return device;
  }

  end(reason = "the engine was stopped"): void {
    this.#worker.terminate();
    this.#remote.close(reason);
  }

  #start(): [Seat, Remote<EngineMethods>, Promise<DeviceReport>] {
    const { build = "nano", backend = "cpu", module } = this.#options;
    const make: () => Seat = this.#options.worker ?? ownWorker;
    const worker = make();
    const remote = new Remote<EngineMethods>(worker);
    worker.addEventListener("error", (event: ErrorEvent) => remote.close(reason(event), BROKEN));
    const ready = remote.call("start", { build, backend, module: build === "nano" ? module : undefined });
    // Whoever calls hears of the failure; nobody has to.
    ready.catch(() => undefined);
    return [worker, remote, ready];
  }
}
