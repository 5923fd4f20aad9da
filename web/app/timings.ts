/** How long things took in this page, for those who want to know: the last runs of each kind. */

const KEPT = 60;
const durations = new Map<string, number[]>();

export function record(name: string, duration: number): void {
  const kept = durations.get(name) ?? [];
  kept.push(duration);
  durations.set(name, kept.slice(-KEPT));
}

export interface Timing {
  name: string;
  count: number;
  median: number;
  most: number;
}

export function timings(): Timing[] {
  return [...durations].map(([name, values]) => {
    const sorted = values.toSorted((a, b) => a - b);
    return {
      name,
      count: sorted.length,
      median: sorted[Math.floor(sorted.length / 2)] ?? 0,
      most: sorted.at(-1) ?? 0,
    };
  });
}
