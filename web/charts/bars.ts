/** Charts of one solution, as SVG templates: a column per step. */

import { nothing, svg, type SVGTemplateResult } from "lit";

import { figure } from "../app/format";
import { icon, mark, verdict } from "./colour";
import { type Column, type Scale, columns, scale } from "./scale";
import { styled } from "../app/styled";

/** The area of a chart, in its own units; it is drawn as wide as there is room. */
export interface Frame {
  width: number;
  height: number;
  columns: Column[];
  scale: Scale;
}

const MARGIN = { left: 38, right: 12, top: 20, bottom: 38 };

export interface FrameOptions {
  width: number;
  height: number;
  steps: number;
  low: number;
  high: number;
  /** Room above the scale, for flags. */
  top?: number;
  /** Tokens of each step, if columns are to be as wide as these. */
  weights?: readonly number[] | undefined;
}

export function frame({ width, height, steps, low, high, top = MARGIN.top, weights }: FrameOptions): Frame {
  return {
    width,
    height,
    columns: columns(steps, MARGIN.left, width - MARGIN.right, weights),
    scale: scale(low, high, top, height - MARGIN.bottom),
  };
}

/** Grid, ticks and step numbers. */
export function axes({ width, height, columns, scale }: Frame): SVGTemplateResult {
  const line = (tick: number): SVGTemplateResult => svg`
    <line class=${Math.abs(tick) < 1e-9 ? "zero" : "grid"} x1=${MARGIN.left} x2=${width - MARGIN.right}
      y1=${scale.y(tick)} y2=${scale.y(tick)}></line>
    <text x=${MARGIN.left - 7} y=${scale.y(tick) + 4} text-anchor="end">${tickLabel(tick, scale)}</text>`;
  const name = ({ middle, width: room }: Column, at: number): SVGTemplateResult | typeof nothing =>
    room < 14 && at % 5 !== 4 ? nothing : svg`<text x=${middle} y=${height - 6} text-anchor="middle">${at + 1}</text>`;
  return svg`${scale.ticks.map(line)}${columns.map(name)}`;
}

function tickLabel(tick: number, { ticks }: Scale): string {
  const gap = Math.abs((ticks[1] ?? 1) - (ticks[0] ?? 0));
  return figure(tick, gap < 0.1 ? 2 : gap < 1 ? 1 : 0);
}

/** Areas that can be clicked; `select` hears of which. */
export function hits({ height, columns }: Frame, select: (step: number) => void): SVGTemplateResult {
  const area = ({ left, width }: Column, at: number): SVGTemplateResult => svg`
    <rect class="hit" x=${left} y="0" width=${width} height=${height} @click=${() => select(at)}></rect>`;
  return svg`${columns.map(area)}`;
}

/** A background behind the chosen step. */
export function chosen({ height, columns }: Frame, selected: number): SVGTemplateResult | typeof nothing {
  const column = columns[selected];
  return column === undefined
    ? nothing
    : svg`<rect class="chosen" x=${column.left} y="4" width=${column.width} height=${height - 4} rx="8"></rect>`;
}

/** A column from 0 to the value. */
export function bar(
  { scale }: Frame,
  { middle, width }: Column,
  value: number,
  look: { share: number; style: Record<string, string>; name?: string },
): SVGTemplateResult {
  const wide = Math.max(2, Math.min(width * look.share, 64 * look.share * 1.4));
  const [from, to] = [scale.y(Math.max(0, value)), scale.y(Math.min(0, value))];
  return svg`<rect class=${look.name ?? "bar"} x=${middle - wide / 2} y=${from} width=${wide}
    height=${Math.max(1.5, to - from)} rx="3" ${styled(look.style)}></rect>`;
}

/** A figure above a bar that points up, below one that points down. */
export function label({ scale, columns }: Frame, at: number, value: number, text: string): SVGTemplateResult | typeof nothing {
  const column = columns[at];
  if (column === undefined || column.width < 38) return nothing;
  const y = value >= 0 ? scale.y(value) - 5 : scale.y(value) + 15;
  return svg`<text class="value" x=${column.middle} y=${y} text-anchor="middle">${text}</text>`;
}

/** Bars of the step rewards, with icon, threshold and the first error. */
export function rewardBars(
  area: Frame,
  scores: readonly (number | null)[],
  { threshold, worst, firstError, truth }: { threshold: number; worst: number; firstError: number; truth: number | null },
): SVGTemplateResult {
  const one = (score: number | null, at: number): SVGTemplateResult | typeof nothing => {
    const column = area.columns[at];
    if (column === undefined || score === null) return nothing;
    const of = verdict(score, threshold);
    const style = { fill: mark(of), stroke: at === worst ? "var(--ink)" : "none", "stroke-width": "2" };
    return svg`${bar(area, column, score, { share: 0.62, style })}
      ${label(area, at, score, column.width < 64 ? icon(of) : `${icon(of)} ${figure(score)}`)}`;
  };
  return svg`${scores.map(one)}
    <line class="threshold" x1=${MARGIN.left} x2=${area.width - MARGIN.right} y1=${area.scale.y(threshold)}
      y2=${area.scale.y(threshold)}></line>
    <text x=${area.width - MARGIN.right} y=${area.scale.y(threshold) - 5} text-anchor="end">τ</text>
    ${flag(area, firstError, 14, "first error", "var(--wrong)")}
    ${truth !== null && truth >= 0 && truth !== firstError ? flag(area, truth, 29, "true first error", "var(--ink)") : nothing}`;
}

function flag(
  { columns, width }: Frame,
  at: number,
  y: number,
  text: string,
  colour: string,
): SVGTemplateResult | typeof nothing {
  const column = columns[at];
  if (column === undefined) return nothing;
  const anchor = column.middle > width * 0.75 ? "end" : column.middle < width * 0.25 ? "start" : "middle";
  return svg`<text class="value" x=${column.middle} y=${y} text-anchor=${anchor} ${styled({ fill: colour })}>▾ ${text}</text>`;
}

export interface Lane {
  /** Return of each step. */
  returns: readonly number[];
  /** Transformed reward of each step. */
  transformed: readonly number[];
  /** Exact minimum over this and later steps, where the lane has one. */
  minima?: readonly number[] | undefined;
  colour: string;
  selected: number;
}

/** Returns as wide bars, transformed rewards as narrow ones, the exact minimum as a stepped line. */
export function laneBars(area: Frame, lane: Lane): SVGTemplateResult {
  const one = (value: number, at: number): SVGTemplateResult | typeof nothing => {
    const column = area.columns[at];
    if (column === undefined) return nothing;
    return svg`
      ${bar(area, column, value, { share: 0.62, name: "return", style: { fill: lane.colour, "fill-opacity": "0.32" } })}
      ${bar(area, column, lane.transformed[at] ?? 0, { share: 0.26, name: "transformed", style: { fill: lane.colour } })}
      ${label(area, at, furthest(value, lane.transformed[at] ?? 0), figure(value))}`;
  };
  return svg`${lane.minima === undefined ? nothing : difference(area, lane.returns, lane.minima)}
    ${lane.returns.map(one)}
    ${lane.minima === undefined ? nothing : stepped(area, lane.minima)}`;
}

/** Of two bars of one column, the end where the label of the first is free of both. */
function furthest(value: number, other: number): number {
  if (value >= 0) return Math.max(value, other);
  return Math.min(value, other);
}

/** What lies between the return and the exact minimum, hatched. */
function difference(
  { columns, scale }: Frame,
  returns: readonly number[],
  minima: readonly number[],
): SVGTemplateResult {
  const one = ({ left, width }: Column, at: number): SVGTemplateResult => {
    const [a, b] = [scale.y(returns[at] ?? 0), scale.y(minima[at] ?? 0)];
    return svg`<rect class="difference" x=${left} y=${Math.min(a, b)} width=${width} height=${Math.abs(a - b)}
      fill="url(#hatch)"></rect>`;
  };
  return svg`<defs>
      <pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <line x1="0" y1="0" x2="0" y2="7" ${styled({ stroke: "var(--edge)", "stroke-opacity": "0.55" })} stroke-width="2"></line>
      </pattern>
    </defs>${columns.map(one)}`;
}

function stepped({ columns, scale }: Frame, values: readonly number[]): SVGTemplateResult {
  const points = columns.flatMap(({ left, width }, at) => {
    const y = scale.y(values[at] ?? 0);
    return [`${left},${y}`, `${left + width},${y}`];
  });
  return svg`<polyline class="minima" points=${points.join(" ")} fill="none"
    ${styled({ stroke: "var(--ink)" })} stroke-width="1.8" stroke-dasharray="2 3"></polyline>`;
}
