/**
 * Text with TeX in it, `$…$`, `\(…\)` and `\[…\]`; KaTeX is fetched when the first formula is met.
 *
 * A final answer, `\boxed{…}` outside of a formula, is shown in a box without it.
 */

import { LitElement, type TemplateResult, css, html } from "lit";

import { define } from "./part";
import type KaTeX from "katex";

const FORMULA = /\$\$[^$]+\$\$|\$[^$\n]+\$|\\\([^]+?\\\)|\\\[[^]+?\\\]/g;
const BOXED = /\\boxed\{([^{}]*)\}/g;

let katex: Promise<typeof KaTeX> | undefined;

export class TexText extends LitElement {
  static override styles = css`
    :host {
      white-space: pre-wrap;
      overflow-wrap: anywhere;
    }
    .boxed {
      padding: 0 0.35em;
      border: 1.5px solid currentcolor;
      border-radius: 4px;
    }
  `;
  static override properties = { text: {} };

  declare text: string;
  #katex: typeof KaTeX | null = null;

  constructor() {
    super();
    this.text = "";
  }

  override willUpdate(): void {
    if (this.#katex !== null || this.text.search(FORMULA) < 0) return;
    katex ??= import("katex").then((module) => module.default);
    void katex.then((loaded) => {
      this.#katex = loaded;
      this.requestUpdate();
    });
  }

  override render(): TemplateResult {
    const parts = cut(this.text, FORMULA, (match) => this.#formula(match[0]));
    return html`${parts.flatMap((part) => (typeof part === "string" ? cut(part, BOXED, answer) : part))}`;
  }

  /** MathML needs neither fonts nor styles; what KaTeX cannot read stays as it was typed. */
  #formula(source: string): string | Node {
    if (this.#katex === null) return source;
    const inside = source.replace(/^(\$\$?|\\[([])([^]*?)(\$\$?|\\[)\]])$/, "$2");
    const place = document.createElement("span");
    try {
      this.#katex.render(inside, place, { output: "mathml", throwOnError: true, trust: false, maxExpand: 100 });
      return place;
    } catch {
      return source;
    }
  }
}

type Part = string | Node | TemplateResult;

/** The text between matches as it is, and what is made of each match. */
function cut(text: string, pattern: RegExp, make: (match: RegExpMatchArray) => Part): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    parts.push(text.slice(end, match.index), make(match));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end)];
}

function answer([, inside]: RegExpMatchArray): TemplateResult {
  return html`<span class="boxed">${inside}</span>`;
}

define("minform-tex", TexText);
