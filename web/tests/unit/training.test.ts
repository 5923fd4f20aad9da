import { describe, expect, it, vi } from "vitest";

import { TRAINING } from "../../app/state";
import { LiveTraining } from "../../app/training";
import { type Command, Workbench } from "../../app/workbench";
import type { Credit } from "../../engine/protocol";
import type { Engine } from "../../engine/engine";

/** Workers whose updates end when they are told to. */
function lanes(): { training: LiveTraining; update: () => Promise<void>; asked: () => number } {
  let waiting: (() => void)[] = [];
  let asked = 0;
  const call = (method: string, _input: unknown, options?: { listen: (event: object) => void }): Promise<void> => {
    if (method !== "step") return Promise.resolve();
    asked += 1;
    return new Promise((resolve) => waiting.push(() => (options?.listen({ event: "update", step: asked }), resolve())));
  };
  const training = new LiveTraining(() => Promise.resolve({ call, end: () => undefined } as unknown as Engine));
  const update = async (): Promise<void> => {
    await vi.waitFor(() => expect(waiting).toHaveLength(2));
    for (const end of waiting.splice(0)) end();
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { training, update, asked: () => asked / 2 };
}

describe("the live run", () => {
  it("goes on after a pause whose update has not ended yet", async () => {
    const { training, update } = lanes();
    const first = training.play(TRAINING);
    await update();
    training.pause();
    const second = training.play(TRAINING, 1);
    await update();
    await update();
    await Promise.all([first, second]);
    expect([training.made, training.store.value.phase]).toEqual([3, "paused"]);
  });

  it("does not begin what was paused before its turn", async () => {
    const { training, update, asked } = lanes();
    const first = training.play(TRAINING);
    await vi.waitFor(() => expect(asked()).toBe(1));
    training.pause();
    const second = training.play(TRAINING);
    training.pause();
    await update();
    await Promise.all([first, second]);
    expect([asked(), training.store.value.phase]).toEqual([1, "paused"]);
  });

  it("refuses to be begun twice", async () => {
    const { training, update } = lanes();
    const first = training.play(TRAINING, 1);
    await expect(training.play(TRAINING, 1)).rejects.toThrow("going on already");
    await update();
    await first;
    expect(training.made).toBe(1);
  });
});

describe("commands from outside", () => {
  function bench(): { bench: Workbench; made: string[]; end: () => void } {
    const bench = new Workbench({} as Credit, { models: "", recorded: "", page: "", engine: {} });
    const made: string[] = [];
    let end = (): void => undefined;
    vi.spyOn(bench.training, "play").mockImplementation((_settings, most) => {
      made.push(`play ${most}`);
      return new Promise((resolve) => (end = resolve));
    });
    vi.spyOn(bench.training, "pause").mockImplementation(() => (made.push("pause"), end()));
    vi.spyOn(bench.training, "reset").mockImplementation(async () => void made.push("reset"));
    return { bench, made, end: () => end() };
  }
  const drive = (to: Workbench, ...all: Command[]): Promise<void[]> => Promise.all(all.map((one) => to.drive(one)));
  const ready = (one: Workbench): void => one.live.set({ engine: "ready" });

  it("wait for the models and for each other", async () => {
    const { bench: one, made, end } = bench();
    const driven = drive(one, { do: "step", count: 3 }, { do: "play" });
    expect(made).toEqual([]);
    ready(one);
    await vi.waitFor(() => expect(made).toEqual(["play 3"]));
    end();
    await driven;
    expect(made).toEqual(["play 3", "play Infinity"]);
  });

  it("that wait are stopped by a pause, but for a reset", async () => {
    const { bench: one, made } = bench();
    ready(one);
    const driven = drive(one, { do: "step" }, { do: "step" }, { do: "reset" }, { do: "play" });
    await vi.waitFor(() => expect(made).toEqual(["play 1"]));
    await one.drive({ do: "pause" });
    await driven;
    expect(made).toEqual(["play 1", "pause", "reset"]);
    void one.drive({ do: "step" });
    await vi.waitFor(() => expect(made.at(-1)).toBe("play 1"));
  });

  it("that cannot be carried out are told, and the next one is", async () => {
    const { bench: one, made } = bench();
    ready(one);
    for (const command of [{ do: "play" }, { do: "step" }] as const) {
      vi.mocked(one.training.play).mockImplementationOnce(() => Promise.reject(new Error(`no ${command.do}`)));
      await one.drive(command);
      await vi.waitFor(() => expect(one.live.value.notice).toEqual({ text: `Not done: no ${command.do}.`, kind: "error" }));
    }
    await drive(one, { do: "reset" });
    expect(made).toEqual(["reset"]);
  });
});
