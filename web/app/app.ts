/** The frame of the playground: header, views, notices, help, and the keys that work everywhere. */

import { type TemplateResult, css, html, nothing } from "lit";

import "../views/credit";
import "../views/rewards";
import "../views/set";
import "../views/solution";
import { percent } from "./format";
import { Part, define, sheet } from "./part";
import type { Watched } from "./store";
import { type Source, TEMPERATURE, VIEWS, type ViewName } from "./state";

const TITLES: Record<ViewName, string> = {
  solution: "Solution",
  group: "Group",
  "best-of-n": "Best of N",
  gallery: "Hacks",
  train: "Train",
  device: "Device",
};

const SOURCES: Record<Source, [name: string, meaning: string]> = {
  typed: ["typed by hand", "The scores on screen were typed by hand, not made by a model."],
  recorded: ["recorded", "The scores on screen were made by the nano models earlier and stored with this page."],
  nano: ["nano, live", "The scores on screen were made just now, in this page, by the nano reward model."],
  own: ["your model, live", "The scores on screen were made just now, in this page, by the model you loaded."],
  imported: ["imported", "The scores on screen come from a file that was opened."],
};

/** Views that are fetched when they are first opened. */
const LAZY: Partial<Record<ViewName, () => Promise<unknown>>> = {
  group: () => import("../views/group"),
  "best-of-n": () => import("../views/bon"),
  gallery: () => import("../views/gallery"),
  train: () => import("../views/train"),
  device: () => import("../views/device"),
};

type PanelName = "none" | "tour" | "share" | "files" | "help";

const PANELS: Record<PanelName, () => Promise<unknown>> = {
  none: async () => undefined,
  tour: () => import("../tour/tour"),
  share: () => import("../panels/share"),
  files: () => import("../panels/files"),
  help: () => import("../panels/help"),
};

export class App extends Part {
  static override styles = [
    sheet,
    css`
      :host {
        container: page / inline-size;
        max-width: 92rem;
        margin: 0 auto;
        padding: 0 clamp(0.75rem, 2.5vw, 2rem) 3rem;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem 1.4rem;
        align-items: center;
        padding: 0.9rem 0;
      }
      h1 {
        margin: 0;
        font-size: 1.25rem;
        font-weight: 680;
        letter-spacing: -0.02em;
      }
      nav {
        display: flex;
        flex-wrap: wrap;
        gap: 0.15rem;
      }
      nav button[aria-current="page"] {
        background: var(--chosen);
        font-weight: 620;
      }
      .end {
        margin-left: auto;
      }
      .badge {
        padding: 0.15rem 0.7rem;
        border: 1px solid var(--edge);
        border-radius: 999px;
        font-size: 0.88rem;
        background: var(--surface);
      }
      .badge::before {
        content: "";
        display: inline-block;
        width: 0.55rem;
        height: 0.55rem;
        margin-right: 0.45rem;
        border: 2px solid var(--muted);
        border-radius: 50%;
      }
      .badge.live::before {
        background: var(--accent);
        border-color: var(--accent);
      }
      .notice {
        display: flex;
        justify-content: space-between;
        gap: 1rem;
        align-items: center;
        margin-bottom: 1rem;
        border-left: 5px solid var(--wrong);
      }
      .body {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 1.1rem;
        align-items: start;
      }
      .body.touring > minform-tour {
        order: -1;
      }
      @container page (min-width: 1000px) {
        .body.touring > minform-tour {
          order: 0;
        }
        .body.touring {
          grid-template-columns: minmax(0, 1fr) 20rem;
        }
      }
    `,
  ];
  static override properties = { ...Part.properties, panel: { state: true } };

  /** What is open beside the view. */
  declare panel: PanelName;

  constructor() {
    super();
    this.panel = "none";
  }

  protected override watched(): Watched[] {
    return [...super.watched(), this.bench.training.store];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("keydown", this.#key);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("keydown", this.#key);
  }

  override render(): TemplateResult {
    const { view } = this.state;
    void LAZY[view]?.();
    return html`
      ${this.#header()} ${this.#notice()} ${this.#panelAbove()}
      <div class="body ${this.panel === "tour" ? "touring" : ""}">
        <main aria-label=${TITLES[view]}>${this.#view(view)}</main>
        ${this.panel === "tour"
          ? html`<minform-tour .bench=${this.bench} @close=${() => this.#toggle("tour")}></minform-tour>`
          : nothing}
      </div>
      <p class="unseen" role="status" aria-live="polite">${this.live.notice?.text ?? ""}</p>
    `;
  }

  #header(): TemplateResult {
    const tab = (view: ViewName): TemplateResult => html`<button
      class="plain"
      aria-current=${view === this.state.view ? "page" : "false"}
      @click=${() => this.bench.state.set({ view })}
    >
      ${TITLES[view]}
    </button>`;
    return html`<header>
      <h1>minform</h1>
      ${this.shows("views") ? html`<nav aria-label="Views">${VIEWS.map(tab)}</nav>` : nothing}
      <div class="row end">
        ${this.#badge()}
        ${this.shows("tour") ? this.#opener("tour", "Tour") : nothing}
        ${this.shows("files") ? this.#opener("files", "Files") : nothing} ${this.#opener("share", "Share")}
        ${this.#opener("help", "?")}
      </div>
    </header>`;
  }

  #opener(panel: PanelName, name: string): TemplateResult {
    const label = name === "?" ? "Keys and help" : name;
    return html`<button aria-expanded=${this.panel === panel} aria-label=${label} @click=${() => this.#toggle(panel)}>
      ${name}
    </button>`;
  }

  /** Which tier made the numbers on screen, or how far the engine is. */
  #badge(): TemplateResult {
    const { engine, progress, problem } = this.live;
    const source = this.#source();
    const [name, meaning] = source === null ? ["no scores yet", "Nothing on screen was scored yet."] : SOURCES[source];
    const live = source === "nano" || source === "own";
    const state =
      engine === "loading"
        ? `, model loading ${progress && progress.total > 0 ? percent(progress.loaded / progress.total) : ""}`
        : engine === "failed"
          ? ", no model"
          : "";
    return html`<span class="badge ${live ? "live" : ""}" title=${engine === "failed" ? problem : meaning}
      >${name}${state}</span
    >`;
  }

  /** Who made the numbers of this view; null if there are none yet. */
  #source(): Source | null {
    const { view, source, group, groupSource } = this.state;
    const { engine, own, samples } = this.live;
    switch (view) {
      case "solution":
        return source;
      case "group":
        return group.length > 0 ? groupSource : null;
      case "best-of-n":
        return samples;
      case "train":
        return this.bench.training.store.value.run === null ? null : "nano";
      default:
        return engine !== "ready" ? null : own ? "own" : "nano";
    }
  }

  #notice(): TemplateResult | typeof nothing {
    const { notice, engine, problem } = this.live;
    const text = notice?.kind === "error" ? notice.text : engine === "failed" ? `The model did not start: ${problem}` : "";
    if (text === "") return nothing;
    return html`<div class="card notice" role="alert">
      <span>${text}</span>
      ${notice?.kind === "error"
        ? html`<button @click=${() => this.bench.live.set({ notice: null })}>Close</button>`
        : html`<button @click=${() => this.bench.start()}>Try again</button>`}
    </div>`;
  }

  #panelAbove(): TemplateResult | typeof nothing {
    if (this.panel === "share") return html`<minform-share .bench=${this.bench}></minform-share>`;
    if (this.panel === "files") return html`<minform-files .bench=${this.bench}></minform-files>`;
    return this.panel === "help" ? html`<minform-help></minform-help>` : nothing;
  }

  #view(view: ViewName): TemplateResult {
    const { bench } = this;
    switch (view) {
      case "solution":
        return html`<div class="columns">
          <div class="stack">
            <minform-solution .bench=${bench}></minform-solution>
            <div class="card"><minform-rewards .bench=${bench}></minform-rewards></div>
            <minform-set .bench=${bench}></minform-set>
          </div>
          <div class="card"><minform-credit .bench=${bench}></minform-credit></div>
        </div>`;
      case "group":
        return html`<minform-group .bench=${bench}></minform-group>`;
      case "best-of-n":
        return html`<minform-best-of-n .bench=${bench}></minform-best-of-n>`;
      case "gallery":
        return html`<minform-gallery .bench=${bench}></minform-gallery>`;
      case "train":
        return html`<minform-train .bench=${bench}></minform-train>`;
      case "device":
        return html`<minform-device .bench=${bench}></minform-device>`;
    }
  }

  async #toggle(panel: PanelName): Promise<void> {
    await PANELS[panel]();
    this.panel = this.panel === panel ? "none" : panel;
  }

  /**
   * Keys that mean the same in every view. A field that is being typed into keeps them, and so does the page around
   * this element, unless nothing on it has the focus.
   */
  #key = (event: KeyboardEvent): void => {
    const [target] = event.composedPath();
    if (!(target instanceof Element) || event.ctrlKey || event.metaKey || event.altKey) return;
    const within = event.composedPath().includes(this);
    if (!within && (this.bench.addresses.embedded || target !== document.body)) return;
    if (target.matches("textarea, select, input:not([type='range'], [type='checkbox'])")) return;
    if (event.key === "?") void this.#toggle("help");
    else if (event.key === "Escape" && this.panel !== "none") this.panel = "none";
    else if ((event.key === "[" || event.key === "]") && this.shows("temperature")) this.#turn(event.key === "]" ? 1 : -1);
    else return;
    event.preventDefault();
  };

  /** One notch of T, of which there are ten to a power of ten; below the least lies the exact minimum. */
  #turn(by: 1 | -1): void {
    const { temperature } = this.state;
    const from = temperature === 0 ? TEMPERATURE.least * 10 ** -0.1 : temperature;
    const next = Number((from * 10 ** (0.1 * by)).toPrecision(3));
    const change = next < TEMPERATURE.least * 0.999 ? 0 : Math.min(TEMPERATURE.most, next);
    this.bench.adjust({ temperature: change }, "T to redraw", Promise.resolve());
    this.bench.say(`T ${change === 0 ? "exact" : change}`);
  }
}

define("minform-app", App);
