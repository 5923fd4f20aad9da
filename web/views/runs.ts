/** The runs before the present one: to be named, drawn behind it, or deleted. */

import { type TemplateResult, css, html, nothing } from "lit";

import { percent, short } from "../app/format";
import { Part, define, sheet } from "../app/part";
import type { Watched } from "../app/store";
import type { LaneName, Run } from "../app/training";

export class Runs extends Part {
  static override styles = [
    sheet,
    css`
      td input {
        width: 9rem;
      }
    `,
  ];

  protected override watched(): Watched[] {
    return [this.bench.training.store];
  }

  override render(): TemplateResult | typeof nothing {
    const { training } = this.bench;
    const { past } = training.store.value;
    if (past.length === 0) return nothing;
    const last = (run: Run, lane: LaneName): string => percent(run.lanes[lane].evaluations.at(-1)?.sampled);
    return html`<section class="card stack" aria-label="Runs">
      <h3>Runs before this one</h3>
      <div class="scroll" tabindex="0" role="region" aria-label="Runs before this one">
        <table>
          <thead>
            <tr>
              ${["name", "seed", "updates", "learning rate", "KL", "checked", "sum, right", "minimum, right", "overlay", ""].map(
                (name) => html`<th scope="col">${name}</th>`,
              )}
            </tr>
          </thead>
          <tbody>
            ${past.map(
              (run) =>
                html`<tr>
                  <td>
                    <input
                      aria-label="Name of the run"
                      maxlength="40"
                      .value=${run.name}
                      @change=${(event: Event) => training.change(run, { name: (event.target as HTMLInputElement).value })}
                    />
                  </td>
                  <td>${run.settings.seed}</td>
                  <td>${run.lanes.min.updates.length}</td>
                  <td>${short(run.settings.learningRate)}</td>
                  <td>${short(run.settings.kl)}</td>
                  <td>${percent(run.settings.verifiableShare)}</td>
                  <td>${last(run, "sum")}</td>
                  <td>${last(run, "min")}</td>
                  <td>
                    <input
                      type="checkbox"
                      aria-label=${`Overlay ${run.name}`}
                      .checked=${run.overlaid}
                      @change=${() => training.change(run, { overlaid: !run.overlaid })}
                    />
                  </td>
                  <td><button class="plain" @click=${() => training.remove(run)}>Delete</button></td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </section>`;
  }
}

define("minform-runs", Runs);
