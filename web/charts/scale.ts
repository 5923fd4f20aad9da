/** Where things stand in a chart of steps: one column per step, one vertical scale. */

export interface Column {
  left: number;
  width: number;
  middle: number;
}

/** Equal columns, or columns as wide as their steps have tokens. */
export function columns(count: number, from: number, to: number, weights?: readonly number[]): Column[] {
  const of = (at: number): number => Math.max(1, weights?.[at] ?? 1);
  const total = Array.from({ length: count }, (_, at) => of(at)).reduce((sum, weight) => sum + weight, 0);
  let left = from;
  return Array.from({ length: count }, (_, at) => {
    const width = ((to - from) * of(at)) / total;
    const column = { left, width, middle: left + width / 2 };
    left += width;
    return column;
  });
}

export interface Scale {
  low: number;
  high: number;
  ticks: number[];
  /** Height of a value in the chart; 0 is at the top. */
  y(value: number): number;
}

/** A scale over [low, high], widened to round ticks. */
export function scale(low: number, high: number, top: number, bottom: number): Scale {
  const step = niceStep((high - low) / 4);
  const from = Math.floor(low / step + 1e-9) * step;
  const to = Math.ceil(high / step - 1e-9) * step;
  const count = Math.round((to - from) / step);
  const ticks = Array.from({ length: count + 1 }, (_, at) => from + at * step);
  const y = (value: number): number => bottom - ((value - from) / (to - from)) * (bottom - top);
  return { low: from, high: to, ticks, y };
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
}
