/** The GPU build on the software adapter of Chromium: whether it computes rightly, not how fast. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect, openWithModels, show, test } from "../browser/page";

const BUILD = fileURLToPath(new URL("../../app/wasm/webgpu/minform_web_bg.wasm", import.meta.url));

test.skip(!existsSync(BUILD), "the WebGPU build has not been made");

test("the GPU proves itself, and scores", async ({ page }) => {
  test.setTimeout(500_000);
  await openWithModels(page);
  await show(page, "Device");
  await page.getByRole("button", { name: "Use the GPU" }).click();
  await expect(page.getByText("GPU (WebGPU)")).toBeVisible({ timeout: 300_000 });
  await expect(page.getByText("✓ yes")).toHaveCount(4, { timeout: 300_000 });
  await show(page, "Solution");
  await page.getByRole("button", { name: "Score with the model" }).click();
  await expect(page.locator(".badge")).toHaveText("nano, live", { timeout: 90_000 });
});
