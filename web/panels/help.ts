/** Help: the keys, and what this page is. */

import { LitElement, type TemplateResult, css, html } from "lit";

import { define, sheet } from "../app/part";

const KEYS: [keys: string[], meaning: string][] = [
  [["↑", "↓"], "the step before, the step after"],
  [["Enter"], "edit the step"],
  [["Delete"], "delete the step"],
  [["[", "]"], "lower or raise the temperature T"],
  [["Space"], "play or pause the live run"],
  [["."], "one update of the live run"],
  [["?"], "this help"],
  [["Esc"], "close what is open"],
];

export class HelpPanel extends LitElement {
  static override styles = [
    sheet,
    css`
      :host {
        margin-bottom: 1rem;
      }
      dl {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 0.35rem 1.2rem;
        margin: 0;
      }
      dd {
        margin: 0;
      }
    `,
  ];

  override render(): TemplateResult {
    return html`<section class="card columns even" aria-label="Help">
      <div class="stack">
        <h2>Keys</h2>
        <dl>
          ${KEYS.map(
            ([keys, meaning]) =>
              html`<dt>${keys.map((key) => html`<kbd>${key}</kbd> `)}</dt>
                <dd>${meaning}</dd>`,
          )}
        </dl>
      </div>
      <div class="stack">
        <h2>What this is</h2>
        <p>
          A process reward model scores each step of a solution from −1 to 1. Reinforcement learning has to turn these
          scores into credit. Their sum pays for every further good step; PURE pays for the worst step instead.
        </p>
        <p>
          <a href="https://arxiv.org/abs/2504.15275" target="_blank" rel="noreferrer">The paper</a>. Everything here is
          computed in this page by the code that minform trains with; nothing is sent anywhere.
        </p>
      </div>
    </section>`;
  }
}

define("minform-help", HelpPanel);
