/** Scores as colour, icon and word: never colour alone. */

export type Verdict = "right" | "unsure" | "wrong" | "unknown";

/** Scores above the threshold by less than this are shown as unsure. */
export const UNSURE = 0.25;

export function verdict(score: number | null | undefined, threshold: number): Verdict {
  if (score === null || score === undefined) return "unknown";
  if (score < threshold) return "wrong";
  return score < threshold + UNSURE ? "unsure" : "right";
}

const ICONS: Record<Verdict, string> = { right: "✓", unsure: "~", wrong: "✗", unknown: "…" };

export function icon(of: Verdict): string {
  return ICONS[of];
}

/** The colour of a mark. */
export function mark(of: Verdict): string {
  return of === "unknown" ? "var(--unsure)" : `var(--${of})`;
}

/** A background that text can stand on. */
export function soft(of: Verdict): string {
  return of === "unknown" ? "var(--hover)" : `var(--${of}-soft)`;
}

/**
 * A background on the diverging scale: orange at −limit, neutral at 0, blue at +limit.
 *
 * Mixed with the soft colours only, so that text on it keeps its contrast.
 */
export function diverging(value: number, limit: number): string {
  const share = limit > 0 ? Math.min(1, Math.abs(value) / limit) : 0;
  const end = value < 0 ? "var(--wrong-soft)" : "var(--right-soft)";
  return `color-mix(in oklab, ${end} ${(100 * share).toFixed(0)}%, var(--surface))`;
}
