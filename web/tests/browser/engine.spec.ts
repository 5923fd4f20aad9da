import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect, openWithModels, rewrite, show, steps, test } from "./page";

const PRM = fileURLToPath(new URL("../../models/nano/prm/", import.meta.url));
const FILES = ["config.json", "tokenizer.json", "model.safetensors"];

test("a model of one's own is offered with its size, loaded, and named as the source", async ({ page }) => {
  await openWithModels(page);
  await page.getByRole("button", { name: "Files" }).click();
  await page.getByLabel("Choose files").setInputFiles(FILES.map((name) => PRM + name));
  await expect(page.getByRole("row", { name: /model\.safetensors 32\d kB your file/ })).toBeVisible();
  await expect(page.getByText(/^3\d\d kB, which stay in this page; about 1\.\d MB of memory\.$/)).toBeVisible();
  await page.getByRole("button", { name: "Load as reward model" }).click();
  await expect(page.locator(".badge")).toHaveText("your model, live");
});

test("files that are no model are refused with a message, and the engine goes on", async ({ page }) => {
  await openWithModels(page);
  await page.getByRole("button", { name: "Files" }).click();
  const huge = Buffer.alloc(64, 0xff);
  const files = [
    { name: "config.json", mimeType: "application/json", buffer: readFileSync(`${PRM}config.json`) },
    { name: "tokenizer.json", mimeType: "application/json", buffer: readFileSync(`${PRM}tokenizer.json`) },
    { name: "model.safetensors", mimeType: "application/octet-stream", buffer: huge },
  ];
  await page.getByLabel("Choose files").setInputFiles(files);
  await page.getByRole("button", { name: "Load as reward model" }).click();
  await expect(page.getByText(/^Not opened: /)).toBeVisible();
  await page.getByRole("button", { name: "Score with the model" }).click();
  await expect(page.locator(".badge")).toHaveText("nano, live");
});

test("sampling is cancelled", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Best of N");
  await page.getByRole("button", { name: /Sample 16 problems now/ }).click();
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByRole("button", { name: /Sample 16 problems now/ })).toBeVisible({ timeout: 5000 });
  await show(page, "Solution");
  await page.getByRole("button", { name: "Score with the model" }).click();
  await expect(page.locator(".badge")).toHaveText("nano, live");
});

test("the engine is ended and started again with its models", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Device");
  await page.getByRole("button", { name: "Restart" }).click();
  await expect(page.locator("[aria-live=polite]")).toContainText("started again");
  await show(page, "Solution");
  await rewrite(page, 2, "6 * 2 = 12");
  await expect(steps(page).nth(1).locator(".chip")).toContainText("✓");
});

test("an engine that breaks off is started again with its models", async ({ page }) => {
  // The first engine ends itself when it is asked for the scores of the rewritten step.
  let broken = true;
  await page.route(/\/assets\/worker-.*\.js$/, async (route) => {
    const response = await route.fetch();
    const ends = `{
      addEventListener("message", (event) => {
        if (event.data.method !== "score" || !JSON.stringify(event.data.input).includes("6 * 2 = 12")) return;
        event.stopImmediatePropagation();
        setTimeout(() => { throw new WebAssembly.RuntimeError("unreachable"); });
      });
    }\n`;
    await route.fulfill({ response, body: (broken ? ends : "") + (await response.text()) });
    broken = false;
  });
  await openWithModels(page);
  await rewrite(page, 2, "6 * 2 = 12");
  await expect(page.getByRole("alert")).toContainText("broke off");
  await expect(page.getByRole("alert")).toContainText("The engine was started again");
  await page.getByRole("button", { name: "Score with the model" }).click();
  await expect(steps(page).nth(1).locator(".chip")).toContainText("✓");
});

test("models that break off are asked for again", async ({ page, console }) => {
  let broken = true;
  await page.route("**/models/nano/prm/model.safetensors", (route) => (broken ? route.fulfill({ status: 503 }) : route.continue()));
  await page.goto("./");
  await expect(page.getByRole("alert")).toContainText("did not arrive: status 503", { timeout: 20_000 });
  await expect(steps(page)).toHaveCount(6);
  // The browser tells of the status by itself.
  expect(console.splice(0)).toHaveLength(1);
  broken = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.locator(".badge")).toHaveText("nano, live", { timeout: 20_000 });
});

test("without a GPU the CPU goes on, and the page says why", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Device");
  await page.getByRole("button", { name: "Use the GPU" }).click();
  await expect(page.getByText(/The GPU is not used: .*The CPU goes on/)).toBeVisible({ timeout: 60_000 });
  await show(page, "Solution");
  await page.getByRole("button", { name: "Score with the model" }).click();
  await expect(page.locator(".badge")).toHaveText("nano, live");
});
