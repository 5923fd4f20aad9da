/** At most so often: what is asked for in between is done once, at the end of the pause. */
export class Throttle {
  #act: () => void;
  #pause: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = performance.now();

  constructor(act: () => void, milliseconds: number) {
    this.#act = act;
    this.#pause = milliseconds;
  }

  ask(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#last + this.#pause - performance.now());
    this.#timer = setTimeout(() => this.#run(), wait);
  }

  /** Does now what was asked for. */
  flush(): void {
    if (this.#timer !== undefined) this.#run();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #run(): void {
    this.stop();
    this.#last = performance.now();
    this.#act();
  }
}
