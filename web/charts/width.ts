/** How wide a part is, so that charts are drawn in its pixels and their text keeps its size. */

import type { ReactiveController, ReactiveControllerHost } from "lit";

export class Width implements ReactiveController {
  /** Pixels inside the host; a usual width until it has been laid out. */
  value = 640;
  #host: ReactiveControllerHost & Element;
  #observer: ResizeObserver;

  constructor(host: ReactiveControllerHost & Element) {
    this.#host = host;
    this.#observer = new ResizeObserver(([entry]) => {
      const width = Math.round(entry?.contentRect.width ?? 0);
      if (width <= 0 || width === this.value) return;
      this.value = width;
      // Outside the observer's own turn, which must not change sizes again.
      requestAnimationFrame(() => host.requestUpdate());
    });
    host.addController(this);
  }

  hostConnected(): void {
    this.#observer.observe(this.#host);
  }

  hostDisconnected(): void {
    this.#observer.disconnect();
  }
}
