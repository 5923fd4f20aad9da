/** The frame of a chart: heading, one sentence, files to take away, and its numbers as a table. */

import { LitElement, type TemplateResult, css, html, nothing } from "lit";

import { define, sheet } from "../app/part";
import { figure } from "../app/format";
import { type Table, csv, png, save, svgDocument } from "./svg";

export class Figure extends LitElement {
  static override styles = [
    sheet,
    css`
      :host {
        display: grid;
        gap: 0.35rem;
      }
      details[open] > summary {
        margin-bottom: 0.3rem;
      }
      .foot {
        justify-content: space-between;
        align-items: start;
        gap: 0.2rem 1rem;
      }
      .foot button {
        font-size: 0.82rem;
        padding: 0 0.5rem;
        min-height: 1.75rem;
        color: var(--muted);
      }
      details {
        min-width: 0;
        max-width: 100%;
      }
    `,
  ];
  static override properties = {
    name: {},
    heading: {},
    label: {},
    summary: {},
    table: { attribute: false },
  };

  /** Name of the files. */
  declare name: string;
  declare heading: string;
  /** What it shows, where the heading stands outside. */
  declare label: string;
  declare summary: string;
  declare table: Table | null;

  constructor() {
    super();
    this.name = "chart";
    this.heading = "";
    this.label = "";
    this.summary = "";
    this.table = null;
  }

  override render(): TemplateResult {
    return html`
      ${this.heading ? html`<h3>${this.heading}</h3>` : nothing}
      ${this.summary ? html`<p class="small muted">${this.summary}</p>` : nothing}
      <slot></slot>
      <div class="row foot">
        ${this.table === null ? nothing : this.#numbers(this.table)}
        <div class="row" role="group" aria-label=${`Save ${this.#title}`}>
          <button class="plain" @click=${this.#saveSvg}>SVG</button>
          <button class="plain" @click=${this.#savePng}>PNG</button>
          ${this.table === null ? nothing : html`<button class="plain" @click=${this.#saveCsv}>CSV</button>`}
        </div>
      </div>
    `;
  }

  #numbers({ columns, rows }: Table): TemplateResult {
    const cell = (value: string | number | null): string => (typeof value === "string" ? value : figure(value, 3));
    return html`<details>
      <summary>Numbers</summary>
      <div class="scroll" tabindex="0" role="region" aria-label=${`Numbers of ${this.#title}`}>
        <table>
          <thead>
            <tr>
              ${columns.map((column) => html`<th scope="col">${column}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows.map((row) => html`<tr>${row.map((value) => html`<td>${cell(value)}</td>`)}</tr>`)}
          </tbody>
        </table>
      </div>
    </details>`;
  }

  get #title(): string {
    return this.heading || this.label || this.name;
  }

  /** The chart inside. */
  #chart(): SVGSVGElement | null {
    return this.querySelector("svg.chart");
  }

  #saveSvg(): void {
    const chart = this.#chart();
    if (chart !== null) save(`${this.name}.svg`, svgDocument(chart), "image/svg+xml");
  }

  async #savePng(): Promise<void> {
    const chart = this.#chart();
    if (chart !== null) save(`${this.name}.png`, await png(chart));
  }

  #saveCsv(): void {
    if (this.table !== null) save(`${this.name}.csv`, csv(this.table), "text/csv");
  }
}

define("minform-figure", Figure);
