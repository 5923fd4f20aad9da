/**
 * A widget's model and its workbench, tied together: what one changes the other follows.
 *
 * All views of a widget show one workbench. It is made for the first view and ends with the last, and with it its
 * workers; the model keeps the state, so that the next view begins where the last one ended.
 */

import { type Playground, makeWorkbench, trainingDetail } from "../../app/playground";
import { encode } from "../../app/permalink";
import type { Workbench } from "../../app/workbench";
import { messageOf } from "../../engine/rpc";
import { creditTable } from "./credit-table";
import type { Model } from "./model";
import { picture } from "./picture";
import { Throttle } from "./throttle";

/** Pause between two messages to Python. */
const TELL_MS = 100;
/** Time after which Python is told again what it has not answered to. */
const RESEND_MS = 10_000;
/** Quiet time after which a picture is taken. */
const PICTURE_MS = 1500;

const ties = new Map<string, Promise<Tie>>();

export class Tie {
  readonly bench: Workbench;
  #model: Model;
  /** Views that are there or about to be. */
  #users = 0;
  #views = new Set<Playground>();
  #ends: (() => void)[] = [];
  /** The last command that was taken up, and the end of those taken up so far. */
  #taken = 0;
  #carriedOut: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** Runs from a telling of the live run until Python answers. */
  #unanswered: ReturnType<typeof setTimeout> | undefined;
  #tellings = 0;
  /** Runs of another tie have the same names. */
  #began = Date.now().toString(36);
  #state = new Throttle(() => this.#tellState(), TELL_MS);
  #training = new Throttle(() => this.#tellTraining(), TELL_MS);
  #picture = new Throttle(() => void this.#tellPicture(), PICTURE_MS);

  /** The tie of a model, made if there is none; `close` ends every `open`. */
  static async open(model: Model): Promise<Tie> {
    const name = model.get("_name");
    const opening = ties.get(name) ?? makeWorkbench(true).then((bench) => new Tie(model, bench));
    ties.set(name, opening);
    opening.catch(() => ties.delete(name));
    const tie = await opening;
    tie.#users += 1;
    return tie;
  }

  constructor(model: Model, bench: Workbench) {
    [this.#model, this.bench] = [model, bench];
    this.#hear();
    this.#ends.push(bench.state.subscribe(() => (this.#state.ask(), this.#picture.ask())));
    this.#ends.push(bench.training.store.subscribe(() => (this.#training.ask(), this.#picture.ask())));
    this.#on("state", () => this.#hear());
    this.#on("_commands", () => this.#obey());
    this.#on("_known", () => this.#answered());
    this.#obey();
    this.#state.ask();
  }

  shows(view: Playground): void {
    this.#views.add(view);
    this.#picture.ask();
  }

  /** With the last view, everything ends. */
  close(view: Playground): void {
    this.#views.delete(view);
    this.#users -= 1;
    if (this.#users > 0) return;
    ties.delete(this.#model.get("_name"));
    this.#isClosed = true;
    this.#state.flush();
    this.#answered();
    this.#training.flush();
    for (const end of this.#ends) end();
    for (const throttle of [this.#state, this.#training, this.#picture]) throttle.stop();
    clearTimeout(this.#unanswered);
    this.bench.close();
  }

  #on(trait: string, listener: () => void): void {
    this.#model.on(`change:${trait}`, listener);
    this.#ends.push(() => this.#model.off(`change:${trait}`, listener));
  }

  /** Takes over what Python has set. */
  #hear(): void {
    const state = this.#model.get("state");
    const shown: Record<string, unknown> = this.bench.state.value;
    const changed = Object.keys(state).filter((key) => JSON.stringify(state[key]) !== JSON.stringify(shown[key]));
    if (changed.length === 0) return;
    try {
      this.bench.change(Object.fromEntries(changed.map((key) => [key, state[key]])));
    } catch (error) {
      this.bench.say(`What Python set was not taken over: ${messageOf(error)}.`, "error");
    }
  }

  /** Takes up what has not been done yet. */
  #obey(): void {
    this.#taken = Math.max(this.#taken, this.#model.get("_done"));
    for (const { id, ...command } of this.#model.get("_commands")) {
      if (id <= this.#taken) continue;
      this.#taken = id;
      const driven = this.bench.drive(command);
      this.#carriedOut = this.#carriedOut.then(() => driven).then(() => this.#tellDone(id));
    }
  }

  /** What ended with the page was not carried out: the next page does it. */
  #tellDone(id: number): void {
    if (this.#isClosed) return;
    this.#model.set("_done", id);
    this.#model.save_changes();
  }

  #tellState(): void {
    const state = this.bench.state.value;
    this.#model.set("state", { ...state });
    this.#model.set("link", encode(state));
    this.#model.set("credit", creditTable(this.bench));
    this.#model.save_changes();
  }

  /** What Python does not know yet; one telling at a time, since Python may be busy for long. */
  #tellTraining(): void {
    if (this.#unanswered !== undefined) return;
    const { phase, events } = trainingDetail(this.bench);
    const { run: made } = this.bench.training.store.value;
    const run = made === null ? "" : `${this.#began} ${made.name}`;
    const known = this.#model.get("_known");
    const from = known.run === run ? Math.min(known.rows, events.length) : 0;
    const isKnown = known.run === run && known.rows === events.length;
    if (!isKnown) {
      this.#tellings += 1;
      this.#model.set("_heard", { run, from, rows: events.slice(from), telling: this.#tellings });
      this.#unanswered = setTimeout(() => this.#answered(), RESEND_MS);
    }
    this.#model.set("phase", phase);
    this.#model.save_changes();
  }

  #answered(): void {
    if (this.#unanswered === undefined) return;
    clearTimeout(this.#unanswered);
    this.#unanswered = undefined;
    this.#training.ask();
  }

  async #tellPicture(): Promise<void> {
    const view = [...this.#views].find((one) => one.isConnected && one.shadowRoot !== null);
    if (view?.shadowRoot == null || document.hidden) return;
    try {
      this.#model.set("_picture", await picture(view.shadowRoot));
      this.#model.save_changes();
    } catch {
      // A page that draws no pictures has none to give; the text stands in its place.
    }
  }
}
