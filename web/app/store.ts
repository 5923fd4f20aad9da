/** A value that tells when it changes, and the Lit controller that listens to it. */

import type { ReactiveController, ReactiveControllerHost } from "lit";

/** Whatever tells when it changes. */
export interface Watched {
  /** Returns the function that ends it. */
  subscribe(listener: () => void): () => void;
}

export class Store<T extends object> {
  #value: T;
  #listeners = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): Readonly<T> {
    return this.#value;
  }

  /** Puts some fields anew and tells everyone who listens. */
  set(change: Partial<T>): void {
    this.#value = { ...this.#value, ...change };
    for (const listener of this.#listeners) listener(this.#value);
  }

  /** Returns the function that ends it. */
  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Draws its host again whenever one of the stores changes. */
export class Watch implements ReactiveController {
  #host: ReactiveControllerHost;
  #stores: readonly Watched[] = [];
  #ends: (() => void)[] = [];
  #connected = false;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  /** Listens to these stores from now on. */
  watch(stores: readonly Watched[]): void {
    this.#stores = stores;
    if (this.#connected) this.#restart();
  }

  hostConnected(): void {
    this.#connected = true;
    this.#restart();
  }

  hostDisconnected(): void {
    this.#connected = false;
    this.#stop();
  }

  #restart(): void {
    this.#stop();
    this.#ends = this.#stores.map((store) => store.subscribe(() => this.#host.requestUpdate()));
  }

  #stop(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
  }
}
