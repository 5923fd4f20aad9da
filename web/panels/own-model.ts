/** A model of the user's own, from an address or from files: seen before it is read, loaded, kept, removed. */

import { type PropertyValues, type TemplateResult, css, html, nothing } from "lit";

import type { Slot } from "../engine/protocol";
import { isCancelled, messageOf } from "../engine/rpc";
import { bytes, milliseconds } from "../app/format";
import { type KeptFile, dropKept, keptFiles } from "../app/keep";
import { type Offer, type Progress, offer, readOffer } from "../app/models";
import { Part, define, sheet } from "../app/part";
import { look } from "../app/remote";

const SLOTS: [slot: Slot, name: string][] = [
  ["prm", "reward model"],
  ["policy", "policy"],
];

export class OwnModel extends Part {
  static override styles = [
    sheet,
    css`
      textarea {
        font-size: 0.9rem;
      }
      progress {
        width: min(16rem, 100%);
      }
      td.number {
        text-align: right;
      }
    `,
  ];
  static override properties = {
    ...Part.properties,
    given: { attribute: false },
    found: { state: true },
    failure: { state: true },
    doing: { state: true },
    progress: { state: true },
    kept: { state: true },
  };

  /** What the user dropped or chose. */
  declare given: Offer | null;
  declare found: Offer | null;
  declare failure: string;
  declare doing: "" | "looking" | "fetching" | "loading";
  declare progress: Progress;
  declare kept: KeptFile[];
  #stop: AbortController | null = null;
  #since = 0;

  constructor() {
    super();
    this.given = null;
    this.found = null;
    this.failure = "";
    this.doing = "";
    this.progress = { loaded: 0, total: 0 };
    this.kept = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#list();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.abort();
  }

  override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed as Map<PropertyKey, unknown>);
    if (changed.has("given") && this.given !== null) this.found = this.given;
  }

  override render(): TemplateResult {
    return html`<div class="stack">
      <h2>A model of your own</h2>
      <p class="small muted">
        Choose or drop its files above, or write where they are. Nothing is fetched before you have seen its size.
      </p>
      <label class="field">
        <span>Addresses, one a line: the folder of a model, a GGUF or safetensors file, or owner/name of the hub</span>
        <textarea rows="2" aria-label="Addresses of a model" spellcheck="false" ?disabled=${this.doing !== ""}></textarea>
      </label>
      <div class="row">
        <button ?disabled=${this.doing !== ""} @click=${this.#look}>
          ${this.doing === "looking" ? "Looking" : "Look, without fetching"}
        </button>
        ${this.doing === "" ? nothing : html`<button @click=${() => this.#stop?.abort()}>Stop</button>`}
        ${this.doing === "fetching" || this.doing === "loading" ? this.#progress() : nothing}
      </div>
      ${this.failure === "" ? nothing : html`<p role="alert">Not opened: ${this.failure}.</p>`}
      ${this.found === null ? nothing : this.#offer(this.found)} ${this.kept.length > 0 ? this.#kept() : nothing}
    </div>`;
  }

  #progress(): TemplateResult {
    const { loaded, total } = this.progress;
    const seconds = (performance.now() - this.#since) / 1000;
    const rate = seconds > 0 ? loaded / seconds : 0;
    const left = rate > 0 ? `, ${milliseconds((1000 * (total - loaded)) / rate)} left` : "";
    const text = this.doing === "loading" ? "into the engine" : `${bytes(loaded)} of ${bytes(total)}${left}`;
    return html`<progress max=${Math.max(1, total)} .value=${loaded} aria-label="Progress"></progress>
      <span class="small">${text}</span>`;
  }

  /** Nothing is read before the user has seen how large it is. */
  #offer(model: Offer): TemplateResult {
    return html`<div class="stack" role="status">
      <div class="scroll" tabindex="0" role="region" aria-label="Files of the model">
        <table>
          <thead>
            <tr>
              ${["file", "size", "checksum"].map((name) => html`<th scope="col">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${model.files.map(
              ({ name, bytes: size, sha256, address }) =>
                html`<tr>
                  <td>${name}</td>
                  <td class="number">${size > 0 ? bytes(size) : "unknown"}</td>
                  <td>${address === "" ? "your file" : sha256 === "" ? "not told" : `${sha256.slice(0, 12)}…`}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      <p>${this.#size(model)}</p>
      <div class="row">
        ${SLOTS.map(
          ([slot, name]) =>
            html`<button class="primary" ?disabled=${this.doing !== ""} @click=${() => this.#load(slot, model)}>
              Load as ${name}
            </button>`,
        )}
      </div>
    </div>`;
  }

  #size({ files, bytes: size, memory, isTooLarge }: Offer): string {
    const from = files.some(({ address }) => address !== "") ? " to fetch" : ", which stay in this page";
    const limit = isTooLarge ? " That is more than the engine of a page can hold (4 GB): it will not load." : "";
    return `${bytes(size)}${from}; about ${bytes(memory)} of memory.${limit}`;
  }

  #kept(): TemplateResult {
    const one = (file: KeptFile): TemplateResult =>
      html`<li class="row small">
        <span>${file.name}, ${bytes(file.bytes)}, from ${file.address}</span>
        <button aria-label=${`Remove ${file.address}`} @click=${() => this.#drop(file)}>Remove</button>
      </li>`;
    return html`<details>
      <summary>Kept in this browser: ${bytes(this.kept.reduce((total, file) => total + file.bytes, 0))}</summary>
      <ul>
        ${this.kept.map(one)}
      </ul>
    </details>`;
  }

  async #look(): Promise<void> {
    const text = this.renderRoot.querySelector("textarea")?.value ?? "";
    const addresses = text.split(/\s+/).filter((address) => address !== "");
    if (addresses.length === 0) return;
    await this.#try("looking", async (signal) => {
      this.found = null;
      this.found = offer(await look(addresses, signal));
      if (this.found === null) throw new Error("there are no weights at these addresses");
    });
  }

  async #load(slot: Slot, model: Offer): Promise<void> {
    await this.#try("fetching", async (signal) => {
      this.#since = performance.now();
      const files = await readOffer(model, (progress) => (this.progress = progress), signal);
      this.doing = "loading";
      this.progress = { loaded: 0, total: 1 };
      await this.bench.loadOwn(slot, files, { signal, listen: (share) => (this.progress = { loaded: share, total: 1 }) });
      this.found = null;
    });
    await this.#list();
  }

  async #try(what: "looking" | "fetching", work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#stop = new AbortController();
    this.doing = what;
    this.failure = "";
    this.progress = { loaded: 0, total: 0 };
    try {
      await work(this.#stop.signal);
    } catch (error) {
      if (!isCancelled(error)) this.failure = messageOf(error);
    }
    this.doing = "";
  }

  async #drop({ key }: KeptFile): Promise<void> {
    await dropKept(key);
    await this.#list();
  }

  async #list(): Promise<void> {
    this.kept = await keptFiles();
  }
}

define("minform-own-model", OwnModel);
