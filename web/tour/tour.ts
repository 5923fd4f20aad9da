/** The tour: a side panel of pages that tick themselves off when what they ask for is done. */

import { type TemplateResult, css, html } from "lit";

import { Part, define, sheet } from "../app/part";
import type { Watched } from "../app/store";
import { PAGES, type Snapshot } from "./pages";

/** Where the tour was left, if the browser lets a page remember. */
const KEY = "minform-tour";

interface Progress {
  page: number;
  done: number[];
}

export class Tour extends Part {
  static override styles = [
    sheet,
    css`
      :host {
        position: sticky;
        top: 1rem;
      }
      ol {
        margin: 0;
        padding: 0;
        list-style: none;
        display: grid;
        gap: 0.1rem;
      }
      ol button {
        width: 100%;
        justify-content: flex-start;
        text-align: left;
      }
      ol button[aria-current="step"] {
        font-weight: 640;
      }
      .task {
        border-left: 5px solid var(--accent);
        padding-left: 0.8rem;
      }
    `,
  ];
  static override properties = { ...Part.properties, page: { state: true }, done: { state: true } };

  declare page: number;
  declare done: ReadonlySet<number>;
  #before: Snapshot | null = null;
  #ends: (() => void)[] = [];

  constructor() {
    super();
    const { page, done } = recall();
    this.page = page;
    this.done = new Set(done);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.updateComplete.then(() => {
      this.#ends = this.watched().map((store) => store.subscribe(() => this.#look()));
      this.#go(this.page);
      // On a narrow page it stands above what it speaks of.
      this.scrollIntoView({ block: "nearest" });
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.#ends) end();
    this.#ends = [];
  }

  protected override watched(): Watched[] {
    return [...super.watched(), this.bench.training.store];
  }

  override render(): TemplateResult {
    const page = PAGES[this.page];
    if (page === undefined) return html``;
    const last = this.page === PAGES.length - 1;
    return html`<aside class="card stack" aria-label="Tour">
      <div class="row spread">
        <h2>Tour</h2>
        <button class="plain" @click=${this.#close}>Close</button>
      </div>
      <ol>
        ${PAGES.map(({ title }, at) => this.#entry(title, at))}
      </ol>
      <h3>${page.title}</h3>
      <p>${page.text}</p>
      <p class="task" role="status">${this.done.has(this.page) ? "✓ Done. " : ""}${page.task}</p>
      <div class="row">
        <button ?disabled=${this.page === 0} @click=${() => this.#go(this.page - 1)}>Back</button>
        <button class="primary" @click=${() => (last ? this.#close() : this.#go(this.page + 1))}>
          ${last ? "Finish" : this.done.has(this.page) ? "Next" : "Skip"}
        </button>
      </div>
    </aside>`;
  }

  #entry(title: string, at: number): TemplateResult {
    const current = at === this.page ? "step" : "false";
    return html`<li>
      <button class="plain small" aria-current=${current} @click=${() => this.#go(at)}>
        ${this.done.has(at) ? "✓" : `${at + 1}`} ${title}
      </button>
    </li>`;
  }

  #go(page: number): void {
    this.page = page;
    this.bench.state.set({ view: PAGES[page]?.view ?? "solution" });
    this.#before = this.#snapshot();
    this.#remember();
  }

  #look(): void {
    const page = PAGES[this.page];
    if (page === undefined || this.#before === null || this.done.has(this.page)) return;
    if (!page.done(this.#before, this.#snapshot())) return;
    this.done = new Set([...this.done, this.page]);
    this.#remember();
  }

  #snapshot(): Snapshot {
    return { state: this.bench.state.value, live: this.bench.live.value, updates: this.bench.training.made };
  }

  #close(): void {
    this.dispatchEvent(new CustomEvent("close"));
  }

  #remember(): void {
    try {
      localStorage.setItem(KEY, JSON.stringify({ page: this.page, done: [...this.done] } satisfies Progress));
    } catch {
      // A page without storage begins the tour anew.
    }
  }
}

function recall(): Progress {
  try {
    const { page, done } = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Progress>;
    const known = (at: unknown): at is number => Number.isInteger(at) && PAGES[at as number] !== undefined;
    return { page: known(page) ? page : 0, done: Array.isArray(done) ? done.filter(known) : [] };
  } catch {
    return { page: 0, done: [] };
  }
}

define("minform-tour", Tour);
