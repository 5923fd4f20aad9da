/** A solution on one or two lines: its steps as chips, coloured and marked by their scores. */

import { type TemplateResult, html } from "lit";

import { figure } from "../app/format";
import { styled } from "../app/styled";
import { icon, soft, verdict } from "../charts/colour";

/** An answer in its box as people write it on one line. */
function plain(step: string): string {
  return step.replaceAll(/\\boxed\{([^{}]*)\}/g, "[ $1 ]");
}

export function chips(steps: readonly string[], scores: readonly (number | null)[], threshold: number): TemplateResult {
  const chip = (step: string, at: number): TemplateResult => {
    const of = verdict(scores[at], threshold);
    return html`<li class="chip" ${styled({ "--chip": soft(of) })}>
      <span aria-hidden="true">${icon(of)}</span>${plain(step)}<span class="number">${figure(scores[at])}</span>
    </li>`;
  };
  return html`<ol class="chips">${steps.map(chip)}</ol>`;
}
