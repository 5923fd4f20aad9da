/** Numbers as the page writes them. */

const MINUS = "−";
const UNKNOWN = "–";

/** With a true minus sign and a fixed number of places. */
export function figure(value: number | null | undefined, places = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  const digits = Math.abs(value).toFixed(places);
  // No "−0.00".
  return value < 0 && Number(digits) !== 0 ? MINUS + digits : digits;
}

/** A figure that may be negative, in brackets if it is, for use inside a formula. */
export function bracketed(value: number, places = 2): string {
  const text = figure(value, places);
  return text.startsWith(MINUS) ? `(${text})` : text;
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined || !Number.isFinite(share) ? UNKNOWN : `${(100 * share).toFixed(0)} %`;
}

/** Three digits that count, whatever the size: 0.0031, 3.1, 310. */
export function short(value: number): string {
  if (value === 0) return "0";
  return Number(value.toPrecision(2)).toString().replace("-", MINUS);
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(0)} kB`;
  if (count < 1e9) return `${(count / 1e6).toFixed(1)} MB`;
  return `${(count / 1e9).toFixed(2)} GB`;
}

export function milliseconds(count: number): string {
  return count < 10 ? `${count.toFixed(1)} ms` : count < 10000 ? `${count.toFixed(0)} ms` : `${(count / 1000).toFixed(1)} s`;
}

/** "1 step", "2 steps". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
