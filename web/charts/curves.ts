/** Curves over updates or numbers of samples, as SVG: one drawing for the screen and for files. */

import { LitElement, type TemplateResult, type SVGTemplateResult, css, html, nothing, svg } from "lit";

import { figure } from "../app/format";
import { define, sheet } from "../app/part";
import "./figure";
import { type Scale, scale } from "./scale";
import type { Table } from "./svg";
import { Width } from "./width";
import { styled } from "../app/styled";

export interface Series {
  name: string;
  colour: string;
  dash?: string;
  /** Drawn thin: a run from before. */
  faint?: boolean;
  points: readonly (readonly [x: number, y: number])[];
}

const MARGIN = { left: 44, right: 14, top: 10, bottom: 26 };

export class Curves extends LitElement {
  static override styles = [
    sheet,
    css`
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 0.1rem 1rem;
        font-size: 0.88rem;
      }
      .legend span {
        display: inline-flex;
        align-items: center;
        gap: 0.4rem;
        font-variant-numeric: tabular-nums;
      }
      .legend svg {
        flex: none;
      }
      .cursor {
        stroke: var(--muted);
        stroke-dasharray: 3 3;
      }
    `,
  ];
  static override properties = {
    name: {},
    heading: {},
    summary: {},
    across: {},
    series: { attribute: false },
    cursor: { type: Number },
    height: { type: Number },
    places: { type: Number },
    least: { type: Number },
    most: { type: Number },
    span: { type: Number },
    logarithmic: { type: Boolean },
  };

  declare name: string;
  declare heading: string;
  declare summary: string;
  /** What the horizontal axis counts. */
  declare across: string;
  declare series: readonly Series[];
  /** The x that is pointed at, here or in a linked chart; null for none. */
  declare cursor: number | null;
  declare height: number;
  declare places: number;
  /** The vertical scale holds at least these. */
  declare least: number | null;
  declare most: number | null;
  /** The horizontal scale reaches at least so far. */
  declare span: number;
  declare logarithmic: boolean;
  #width = new Width(this);

  constructor() {
    super();
    Object.assign(this, { name: "curves", heading: "", summary: "", across: "update", series: [], cursor: null });
    Object.assign(this, { height: 180, places: 2, least: null, most: null, span: 1, logarithmic: false });
  }

  override render(): TemplateResult {
    const width = Math.max(240, this.#width.value);
    const points = this.series.flatMap((series) => series.points);
    const values = points.map(([, y]) => y).filter(Number.isFinite);
    const [low, high] = range(values, this.least, this.most);
    const vertical = scale(low, high, MARGIN.top, this.height - MARGIN.bottom);
    const x = this.#horizontal(width, points);
    return html`<minform-figure .name=${this.name} .heading=${this.heading} .summary=${this.summary} .table=${this.#table()}>
      <svg
        class="chart"
        viewBox="0 0 ${width} ${this.height}"
        role="img"
        aria-label=${this.#spoken()}
        @pointermove=${(event: PointerEvent) => this.#point(event, width)}
        @pointerleave=${() => this.#tell(null)}
        @click=${(event: PointerEvent) => this.#pick(event, width)}
      >
        ${this.#axes(width, vertical, x)} ${this.#cursor(vertical, x)}
        ${this.series.map((series) => this.#curve(series, vertical, x))}
      </svg>
      ${this.#legend()}
    </minform-figure>`;
  }

  #ends(points: readonly (readonly [number, number])[]): [number, number] {
    const all = points.map(([x]) => x);
    return [this.logarithmic ? Math.min(1, ...all) : 0, Math.max(this.span, ...all)];
  }

  #horizontal(width: number, points: readonly (readonly [number, number])[]): (value: number) => number {
    const [from, to] = this.#ends(points);
    const at = (value: number): number => (this.logarithmic ? Math.log2(value) : value);
    const share = (value: number): number => (at(value) - at(from)) / (at(to) - at(from) || 1);
    return (value) => MARGIN.left + share(value) * (width - MARGIN.left - MARGIN.right);
  }

  #axes(width: number, vertical: Scale, x: (value: number) => number): SVGTemplateResult {
    const { height } = this;
    const line = (tick: number): SVGTemplateResult => svg`
      <line class="grid" x1=${MARGIN.left} x2=${width - MARGIN.right} y1=${vertical.y(tick)} y2=${vertical.y(tick)}></line>
      <text x=${MARGIN.left - 7} y=${vertical.y(tick) + 4} text-anchor="end">${this.#label(tick, vertical)}</text>`;
    const name = (tick: number): SVGTemplateResult =>
      svg`<text x=${x(tick)} y=${height - 7} text-anchor="middle">${tick}</text>`;
    return svg`${vertical.ticks.map(line)}${this.#xTicks().map(name)}`;
  }

  #label(tick: number, { ticks }: Scale): string {
    const gap = Math.abs((ticks[1] ?? 1) - (ticks[0] ?? 0));
    // As many places as tell one tick from the next.
    return figure(tick, Math.max(0, Math.min(7, -Math.floor(Math.log10(gap) + 1e-9))));
  }

  #xTicks(): number[] {
    const [from, to] = this.#ends(this.series.flatMap((series) => series.points));
    if (this.logarithmic) return powers(from, to);
    return scale(0, to, 0, 1).ticks.filter((tick) => tick <= to && Number.isInteger(tick));
  }

  #curve({ points, colour, dash, faint }: Series, vertical: Scale, x: (value: number) => number): SVGTemplateResult {
    const known = points.filter(([, y]) => Number.isFinite(y));
    const style = { stroke: colour, fill: "none", "stroke-opacity": faint === true ? "0.4" : "1" };
    const path = known.map(([at, y]) => `${x(at).toFixed(1)},${vertical.y(y).toFixed(1)}`).join(" ");
    const marks = known.length <= 24 && faint !== true ? known : [];
    return svg`<polyline points=${path} ${styled(style)} stroke-width=${faint === true ? 1.5 : 2.5}
        stroke-dasharray=${dash ?? "none"} stroke-linejoin="round"></polyline>
      ${marks.map(([at, y]) => svg`<circle cx=${x(at)} cy=${vertical.y(y)} r="3.2" ${styled({ fill: colour })}></circle>`)}`;
  }

  #cursor(vertical: Scale, x: (value: number) => number): SVGTemplateResult | typeof nothing {
    if (this.cursor === null) return nothing;
    const at = x(this.cursor);
    return svg`<line class="cursor" x1=${at} x2=${at} y1=${vertical.y(vertical.high)} y2=${vertical.y(vertical.low)}></line>`;
  }

  #legend(): TemplateResult {
    const one = (series: Series): TemplateResult => html`<span>
      <svg width="26" height="8" aria-hidden="true">
        <line x1="1" x2="25" y1="4" y2="4" stroke-width="2.5" stroke-dasharray=${series.dash ?? "none"} ${styled({ stroke: series.colour })}></line>
      </svg>
      ${series.name} <strong>${figure(this.#valueAt(series), this.places)}</strong>
    </span>`;
    return html`<div class="legend">${this.series.filter(({ faint }) => faint !== true).map(one)}</div>`;
  }

  /** At the cursor, or the last one. */
  #valueAt({ points }: Series): number | undefined {
    if (this.cursor === null) return points.at(-1)?.[1];
    return nearest(points, this.cursor)?.[1];
  }

  #point(event: PointerEvent, width: number): void {
    const at = this.#at(event, width);
    if (at !== this.cursor) this.#tell(at);
  }

  #pick(event: PointerEvent, width: number): void {
    const at = this.#at(event, width);
    if (at !== null) this.dispatchEvent(new CustomEvent("pick", { detail: at }));
  }

  #at(event: PointerEvent, width: number): number | null {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const share = (((event.clientX - box.left) / box.width) * width - MARGIN.left) / (width - MARGIN.left - MARGIN.right);
    const points = this.series.flatMap((series) => series.points);
    const [from, to] = this.#ends(points);
    const value = this.logarithmic ? from * (to / from) ** share : from + share * (to - from);
    return nearest(points, value)?.[0] ?? null;
  }

  #tell(at: number | null): void {
    this.dispatchEvent(new CustomEvent("cursor", { detail: at }));
  }

  #spoken(): string {
    const one = ({ name, points }: Series): string => {
      const [first, last] = [points[0], points.at(-1)];
      if (first === undefined || last === undefined) return `${name}: nothing yet`;
      return `${name} from ${figure(first[1], this.places)} to ${figure(last[1], this.places)}`;
    };
    return `${this.heading}: ${this.series.map(one).join("; ")}`;
  }

  #table(): Table {
    const all = [...new Set(this.series.flatMap((series) => series.points.map(([x]) => x)))].toSorted((a, b) => a - b);
    const valueAt = ({ points }: Series, x: number): number | null => points.find(([at]) => at === x)?.[1] ?? null;
    const rows = all.map((x) => [String(x), ...this.series.map((series) => valueAt(series, x))]);
    return { columns: [this.across, ...this.series.map(({ name }) => name)], rows };
  }
}

/** Of the values and the bounds that were asked for; never empty. */
function range(values: readonly number[], least: number | null, most: number | null): [number, number] {
  const all = [...values, ...[least, most].filter((bound) => bound !== null)];
  if (all.length === 0) return [0, 1];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return high > low ? [low, high] : [low, low + 1];
}

function powers(from: number, to: number): number[] {
  const ticks: number[] = [];
  for (let tick = from; tick <= to; tick *= 2) ticks.push(tick);
  return ticks;
}

function nearest<P extends readonly [number, number]>(points: readonly P[], x: number): P | undefined {
  return points.toSorted((a, b) => Math.abs(a[0] - x) - Math.abs(b[0] - x))[0];
}

define("minform-curves", Curves);
