/** V8: what runs here, whether it computes rightly, and how fast it is. */

import { type TemplateResult, css, html, nothing } from "lit";

import type { ModelInfo, SelfTest } from "../engine/protocol";
import { messageOf } from "../engine/rpc";
import { bytes, milliseconds } from "../app/format";
import { Part, define, sheet } from "../app/part";
import { timings } from "../app/timings";

/** A frame at 60 Hz: what a slider has to stay under. */
const FRAME_MS = 16;

export class DeviceView extends Part {
  static override styles = [
    sheet,
    css`
      dl {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 0.4rem 1.4rem;
        margin: 0;
      }
      dt {
        color: var(--muted);
      }
      dd {
        margin: 0;
        overflow-wrap: anywhere;
      }
    `,
  ];
  static override properties = {
    ...Part.properties,
    tests: { state: true },
    busy: { state: true },
    failure: { state: true },
  };

  declare tests: SelfTest[];
  declare busy: "" | "test" | "webgpu" | "cpu";
  declare failure: string;

  constructor() {
    super();
    this.tests = [];
    this.busy = "";
    this.failure = "";
  }

  override render(): TemplateResult {
    return html`<div class="columns even">
      <section class="card stack" aria-label="Engine">
        <h2>Engine</h2>
        ${this.#device()} ${this.#actions()}
        ${this.failure === "" ? nothing : html`<p role="alert">${this.failure}</p>`}
        ${this.tests.length > 0 ? this.#tests() : nothing}
      </section>
      <section class="card stack" aria-label="Models">
        <h2>Models</h2>
        ${this.#models()}
      </section>
      <section class="card stack" aria-label="Timings">
        <h2>How long things took here</h2>
        ${this.#timings()}
      </section>
      <section class="card stack" aria-label="Browser">
        <h2>Browser</h2>
        ${this.#browser()}
      </section>
    </div>`;
  }

  #device(): TemplateResult {
    const { device, engine, problem } = this.live;
    if (device === null) return html`<p>${engine === "failed" ? `Not running: ${problem}` : "Not running yet."}</p>`;
    const { backend, adapter, f16, threads, simd, version, memoryMb } = device;
    return list([
      ["backend", backend === "cpu" ? "CPU (WebAssembly)" : "GPU (WebGPU)"],
      ...(adapter === undefined ? [] : [["adapter", adapter] as const]),
      ...(f16 === undefined ? [] : [["half precision", f16 ? "yes" : "no"] as const]),
      ["threads", String(threads)],
      ["vector instructions", simd ? "yes" : "no"],
      ["memory taken", `${memoryMb} MiB`],
      ["minform", version],
      ["why", backend === "cpu" ? "Models this small gain nothing from a GPU." : "You chose it, and it passed its tests."],
    ]);
  }

  #actions(): TemplateResult {
    const cpu = this.live.device?.backend !== "webgpu";
    const ready = this.live.engine === "ready" && this.busy === "";
    return html`<div class="row">
      <button ?disabled=${!ready} @click=${this.#test}>${this.busy === "test" ? "Testing" : "Self-test"}</button>
      ${cpu
        ? html`<button ?disabled=${!ready || !("gpu" in navigator)} @click=${() => this.#use("webgpu")}>
            ${this.busy === "webgpu" ? "Trying the GPU" : "Use the GPU"}
          </button>`
        : html`<button ?disabled=${!ready} @click=${() => this.#use("cpu")}>Back to the CPU</button>`}
      <button ?disabled=${this.live.device === null} @click=${() => this.bench.restart()}>Restart</button>
    </div>`;
  }

  #tests(): TemplateResult {
    return html`<table>
      <caption>
        Known answers, computed here and compared
      </caption>
      <thead>
        <tr>
          <th scope="col">what</th>
          <th scope="col">passed</th>
          <th scope="col">largest error</th>
        </tr>
      </thead>
      <tbody>
        ${this.tests.map(
          ({ name, passed, error }) =>
            html`<tr>
              <td>${name}</td>
              <td>${passed ? "✓ yes" : "✗ no"}</td>
              <td>${error.toExponential(1)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
  }

  #models(): TemplateResult {
    const { models, own, progress } = this.live;
    const { prm, policy } = models;
    if (prm === undefined && policy === undefined) {
      return html`<p>None yet${progress === null ? "" : `: ${bytes(progress.loaded)} have arrived`}.</p>`;
    }
    const one = (name: string, info: ModelInfo | undefined): TemplateResult =>
      info === undefined
        ? html``
        : html`<tr>
            <td>${name}</td>
            <td>${info.architecture}</td>
            <td>${info.parameters.toLocaleString("en")}</td>
            <td>${info.vocabulary.toLocaleString("en")}</td>
            <td>${info.context.toLocaleString("en")}</td>
            <td>${bytes(info.bytes)}</td>
          </tr>`;
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Models">
        <table>
          <thead>
            <tr>
              ${["model", "kind", "parameters", "vocabulary", "context", "weights"].map((name) => html`<th scope="col">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${one("reward model", prm)} ${one("policy", policy)}
          </tbody>
        </table>
      </div>
      <p class="small muted">
        ${own ? "At least one of them is yours." : "The nano models of this page, of the arithmetic world."} Open your own
        with Files: the files of a Hugging Face folder, or GGUF.
      </p>`;
  }

  #timings(): TemplateResult {
    const kinds = timings();
    if (kinds.length === 0) return html`<p>Nothing has been measured yet. Move a slider.</p>`;
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Timings">
        <table>
          <thead>
            <tr>
              <th scope="col">what</th>
              <th scope="col">times</th>
              <th scope="col">median</th>
              <th scope="col">most</th>
            </tr>
          </thead>
          <tbody>
            ${kinds.map(({ name, count, median, most }) => {
              const shown = name.endsWith("a second") ? perSecond : milliseconds;
              return html`<tr>
                <td>${name}</td>
                <td>${count}</td>
                <td>${shown(median)}</td>
                <td>${shown(most)}</td>
              </tr>`;
            })}
          </tbody>
        </table>
      </div>
      ${kinds.some(({ name }) => name.endsWith("redraw"))
        ? html`<p class="small muted">
        A redraw is the arithmetic and the change of the page, without the painting. A frame at 60 Hz has ${FRAME_MS} ms.
      </p>`
        : nothing}
      <div class="row"><button @click=${() => this.requestUpdate()}>Refresh</button></div>`;
  }

  #browser(): TemplateResult {
    return list([
      ["processors", String(navigator.hardwareConcurrency)],
      ["WebGPU", "gpu" in navigator ? "offered" : "not offered"],
      ["shared memory", crossOriginIsolated ? "yes" : "no, and not needed"],
      ["kept for use offline", navigator.serviceWorker?.controller ? "yes" : "no"],
      ["pixels per unit", String(devicePixelRatio)],
    ]);
  }

  async #test(): Promise<void> {
    this.busy = "test";
    this.failure = "";
    try {
      this.tests = await this.bench.engine.call("selfTest", null);
      this.bench.live.set({ device: await this.bench.engine.call("report", null) });
    } catch (error) {
      this.failure = messageOf(error);
    }
    this.busy = "";
  }

  /** The GPU has to prove itself first; if it fails, the CPU goes on. */
  async #use(backend: "webgpu" | "cpu"): Promise<void> {
    this.busy = backend;
    this.failure = "";
    const outcome = await this.bench.useBackend(backend);
    this.tests = outcome.tests;
    this.failure = outcome.failure;
    this.busy = "";
  }
}

function perSecond(count: number): string {
  return count < 100 ? count.toFixed(1) : Math.round(count).toLocaleString("en");
}

function list(entries: (readonly [name: string, value: string])[]): TemplateResult {
  return html`<dl>
    ${entries.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
}

define("minform-device", DeviceView);
