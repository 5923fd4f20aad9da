/** A slider with its name, its value, and a logarithmic scale where asked for. */

import { LitElement, type TemplateResult, css, html } from "lit";

import { define, sheet } from "./part";

/** Positions of the slider between its ends. */
const POSITIONS = 400;

export class Slider extends LitElement {
  static override styles = [
    sheet,
    css`
      .head {
        display: flex;
        justify-content: space-between;
        gap: 1rem;
        font-size: 0.95rem;
      }
      output {
        font-variant-numeric: tabular-nums;
        font-weight: 600;
      }
      label {
        display: block;
      }
    `,
  ];
  static override properties = {
    label: {},
    shown: {},
    value: { type: Number },
    least: { type: Number },
    most: { type: Number },
    logarithmic: { type: Boolean },
    disabled: { type: Boolean },
  };

  declare label: string;
  /** The value in words, for the eye and the screen reader. */
  declare shown: string;
  declare value: number;
  declare least: number;
  declare most: number;
  declare logarithmic: boolean;
  declare disabled: boolean;

  constructor() {
    super();
    Object.assign(this, { label: "", shown: "", value: 0, least: 0, most: 1, logarithmic: false, disabled: false });
  }

  override render(): TemplateResult {
    return html`<label>
      <span class="head"><span>${this.label}</span><output>${this.shown}</output></span>
      <input
        type="range"
        min="0"
        max=${POSITIONS}
        step="1"
        .value=${String(this.#position())}
        ?disabled=${this.disabled}
        aria-valuetext=${this.shown}
        aria-label=${this.label}
        @input=${this.#input}
      />
    </label>`;
  }

  #position(): number {
    const { least, most } = this;
    const value = Math.min(most, Math.max(least, this.value));
    const share = this.logarithmic ? Math.log(value / least) / Math.log(most / least) : (value - least) / (most - least);
    return Math.round(POSITIONS * share);
  }

  #input(event: Event): void {
    const share = Number((event.target as HTMLInputElement).value) / POSITIONS;
    const { least, most } = this;
    const value = this.logarithmic ? least * (most / least) ** share : least + share * (most - least);
    this.value = Number(value.toPrecision(3));
    this.dispatchEvent(new CustomEvent("adjust", { detail: this.value }));
  }
}

define("minform-slider", Slider);
