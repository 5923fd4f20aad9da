/** The GPU build on the software adapter of Chromium: whether it computes rightly, not how fast. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Page } from "@playwright/test";

import type { SessionSettings, Update } from "../../engine/protocol";
import { expect, openWithModels, show, test } from "../browser/page";

const BUILD = fileURLToPath(new URL("../../app/wasm/webgpu/minform_web_bg.wasm", import.meta.url));

const UPDATES = 2;

/** Shaders are compiled by software: minutes, not seconds. */
const SLOW = 900_000;

// A service worker would answer for the worker's script before it could be replaced.
test.use({ serviceWorkers: "block" });

test.skip(!existsSync(BUILD), "the WebGPU build has not been made");

test("the GPU proves itself, and scores", async ({ page }) => {
  test.setTimeout(SLOW);
  await openWithModels(page);
  await show(page, "Device");
  await page.getByRole("button", { name: "Use the GPU" }).click();
  await expect(page.getByText("GPU (WebGPU)")).toBeVisible({ timeout: 300_000 });
  await expect(page.getByText("✓ yes")).toHaveCount(4, { timeout: 300_000 });
  await show(page, "Solution");
  await page.getByRole("button", { name: "Score with the model" }).click();
  await expect(page.locator(".badge")).toHaveText("nano, live", { timeout: 300_000 });
});

test("two updates of RL have the figures of the CPU", async ({ page }) => {
  test.setTimeout(SLOW);
  await openWithModels(page);
  const settings: SessionSettings = {
    form: { form: "soft-min", temperature: 0.1 },
    ...{ seed: 3, learningRate: 3e-4, prompts: 1, samples: 2, kl: 0.001, verifiableShare: 0, evaluateEvery: 0, updates: UPDATES + 1 },
  };
  const cpu = await updates(page, "cpu", settings);
  const gpu = await updates(page, "webgpu", settings);
  expect(gpu).toHaveLength(UPDATES);
  for (const [at, update] of gpu.entries()) {
    const expected = cpu[at];
    expect(update.tokens).toBe(expected?.tokens);
    for (const figure of ["kl", "entropy", "grad_norm", "loss"] as const) {
      expect(update[figure], `${figure} of update ${at + 1}`).toBeCloseTo(expected?.[figure] ?? NaN, 3);
    }
  }
});

test("a GPU whose shaders do not compile is not used, and the CPU goes on", async ({ page, console }) => {
  test.setTimeout(SLOW);
  // The worker gets a GPU that is given broken shaders.
  await page.route(/\/assets\/worker-.*\.js$/, async (route) => {
    const response = await route.fetch();
    const broken = `{
      const whole = GPUDevice.prototype.createShaderModule;
      GPUDevice.prototype.createShaderModule = function (shader) {
        return whole.call(this, { ...shader, code: shader.code + "\\nthis is no shader" });
      };
    }\n`;
    await route.fulfill({ response, body: broken + (await response.text()) });
  });
  await openWithModels(page);
  await show(page, "Device");
  await page.getByRole("button", { name: "Use the GPU" }).click();
  await expect(page.getByText(/The GPU is not used: .*The CPU goes on/)).toBeVisible({ timeout: 300_000 });
  await show(page, "Solution");
  await page.getByRole("button", { name: "Score with the model" }).click();
  await expect(page.locator(".badge")).toHaveText("nano, live", { timeout: 90_000 });
  // What the driver says of the shaders.
  console.splice(0);
});

/** Makes a run in a worker of the page, by the messages that the page itself sends. */
async function updates(page: Page, backend: "cpu" | "webgpu", settings: SessionSettings): Promise<Update[]> {
  const script = await page.evaluate(() => {
    const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
    return loaded.find((name) => /\/assets\/worker-.*\.js$/.test(name)) ?? "";
  });
  expect(script).not.toBe("");
  return page.evaluate(
    async ({ script, backend, settings }) => {
      const worker = new Worker(script, { type: "module" });
      const made: unknown[] = [];
      let next = 1;
      const call = (method: string, input: unknown): Promise<unknown> =>
        new Promise((resolve, reject) => {
          const id = next++;
          worker.addEventListener("message", ({ data }) => {
            if (data.id !== id) return;
            if (data.kind === "event" && data.event.event === "update") made.push(data.event);
            if (data.kind === "result") resolve(data.value);
            if (data.kind === "error") reject(new Error(data.message));
          });
          worker.postMessage({ kind: "call", id, method, input });
        });
      await call("start", { build: backend === "cpu" ? "nano" : "full", backend });
      for (const slot of ["policy", "prm"]) {
        const files = ["config.json", "tokenizer.json", "model.safetensors"].map(async (name) => {
          const response = await fetch(`./models/nano/${slot}/${name}`);
          return { name, bytes: new Uint8Array(await response.arrayBuffer()) };
        });
        await call("load", { slot, files: await Promise.all(files) });
      }
      await call("createSession", settings);
      // One update less than all: no evaluation at the end, which takes longest.
      await call("step", { count: settings.updates - 1 });
      worker.terminate();
      return made as Update[];
    },
    { script, backend, settings },
  );
}
