/** Formulas as MathML, which browsers draw and screen readers read by themselves. */

import { html, type TemplateResult } from "lit";

import { bracketed, figure } from "./format";

/** Terms written out before an ellipsis takes over. */
const SHOWN = 4;

type Math = TemplateResult;

const operator = (sign: string): Math => html`<math><mo>${sign}</mo></math>`;

/** Parts of one formula. Each is a `math` of its own, so that a long one can break into lines. */
export function formula(label: string, ...parts: Math[]): TemplateResult {
  return html`<span class="formula" role="group" aria-label=${label}>${parts}</span>`;
}

export const equals = operator("=");
export const plus = operator("+");
export const product = operator("·");

export function sub(letter: string, index: string | number): Math {
  return typeof index === "number"
    ? html`<math><msub><mi>${letter}</mi><mn>${index}</mn></msub></math>`
    : html`<math><msub><mi>${letter}</mi><mi>${index}</mi></msub></math>`;
}

/** A figure, in brackets if negative. */
export function value(number: number, places = 2): Math {
  return html`<math><mn>${bracketed(number, places)}</mn></math>`;
}

/** A figure at the end of a formula. */
export function result(number: number): Math {
  return html`<math><mn class="result">${figure(number)}</mn></math>`;
}

/** Gₜ = Σ_{j≥t} γ^{j−t} rⱼ */
export const sumReturn: Math = html`<math
  ><msub><mi>G</mi><mi>t</mi></msub><mo>=</mo><munder><mo>∑</mo><mrow><mi>j</mi><mo>≥</mo><mi>t</mi></mrow></munder
  ><msup><mi>γ</mi><mrow><mi>j</mi><mo>−</mo><mi>t</mi></mrow></msup><msub><mi>r</mi><mi>j</mi></msub></math
>`;

/** wₜ = softmaxₜ(−r / T) */
export const softMinWeights: Math = html`<math
  ><msub><mi>w</mi><mi>t</mi></msub><mo>=</mo
  ><mfrac
    ><msup><mi>e</mi><mrow><mo>−</mo><msub><mi>r</mi><mi>t</mi></msub><mo>/</mo><mi>T</mi></mrow></msup
    ><mrow
      ><munder><mo>∑</mo><mi>j</mi></munder
      ><msup><mi>e</mi><mrow><mo>−</mo><msub><mi>r</mi><mi>j</mi></msub><mo>/</mo><mi>T</mi></mrow></msup></mrow
    ></mfrac
  ></math
>`;

/** Gₜ = Σ_{j≥t} wⱼ rⱼ */
export const minReturn: Math = html`<math
  ><msub><mi>G</mi><mi>t</mi></msub><mo>=</mo><munder><mo>∑</mo><mrow><mi>j</mi><mo>≥</mo><mi>t</mi></mrow></munder
  ><msub><mi>w</mi><mi>j</mi></msub><msub><mi>r</mi><mi>j</mi></msub></math
>`;

/** min_{j≥t} rⱼ */
export const futureMinimum: Math = html`<math
  ><munder><mo movablelimits="false" rspace="0.25em">min</mo><mrow><mi>j</mi><mo>≥</mo><mi>t</mi></mrow></munder><msub><mi>r</mi><mi>j</mi></msub></math
>`;

/** a₁ b₁ + a₂ b₂ + … with the figures in it; only the first few and the last are written. */
export function terms(pairs: readonly (readonly [factor: number, of: number])[]): Math[] {
  const written = pairs.length <= SHOWN + 1 ? pairs : [...pairs.slice(0, SHOWN - 1), null, ...pairs.slice(-1)];
  return written.flatMap((pair, at) => {
    const before = at === 0 ? [] : [plus];
    if (pair === null) return [...before, html`<math><mo>…</mo></math>`];
    const [factor, of] = pair;
    return factor === 1 ? [...before, value(of)] : [...before, value(factor), product, value(of)];
  });
}
