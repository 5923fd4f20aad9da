/**
 * A pretrained model in the page: a GGUF file and a `.safetensors` file with the head of a reward model, both in the
 * folder that `MINFORM_PRETRAINED` names. `tests/peers/README.md` says how to get such files for SmolLM2-135M.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { expect, openWithModels, show, steps, test } from "../browser/page";

const FOLDER = process.env["MINFORM_PRETRAINED"] ?? "";
const FILES = FOLDER === "" ? [] : readdirSync(FOLDER).filter((name) => /\.(gguf|safetensors)$/.test(name));

test.skip(FILES.length < 2, "MINFORM_PRETRAINED names no folder with a GGUF file and a head");

const ROW = {
  problem: "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did Natalia sell altogether in April and May?",
  steps: ["In April Natalia sold 48 clips.", "In May she sold 48 / 2 = 24 clips.", "Altogether she sold 48 + 24 = 62 clips.", "\\boxed{62}"],
};

test("loads from files, scores on the CPU, and the same on the GPU", async ({ page }) => {
  test.setTimeout(1_800_000);
  await openWithModels(page);
  await page.getByRole("button", { name: "Files" }).click();
  await page.getByRole("textbox", { name: "Paste rows" }).fill(JSON.stringify(ROW));
  await page.getByRole("textbox", { name: "Paste rows" }).press("Tab");
  await page.getByLabel("Choose files").setInputFiles(FILES.map((name) => join(FOLDER, name)));
  const size = await page.getByText(/which stay in this page; about/).innerText();
  let start = Date.now();
  await page.getByRole("button", { name: "Load as reward model" }).click();
  await expect(page.locator(".badge")).toHaveText("your model, live", { timeout: 300_000 });
  note(`${size} Loaded and scored on the CPU after ${seconds(start)}.`);
  start = Date.now();
  const cpu = await rescored(page);
  note(`Scored once more on the CPU after ${seconds(start)}: ${cpu.join(", ")}.`);

  await show(page, "Device");
  start = Date.now();
  await page.getByRole("button", { name: "Use the GPU" }).click();
  await expect(page.getByText("✓ yes")).toHaveCount(4, { timeout: 900_000 });
  note(`Ready on the GPU after ${seconds(start)}.`);
  await show(page, "Solution");
  start = Date.now();
  const gpu = await rescored(page);
  note(`Scored on the GPU after ${seconds(start)}: ${gpu.join(", ")}.`);
  for (const [at, score] of gpu.entries()) expect(Math.abs(score - (cpu[at] ?? NaN))).toBeLessThanOrEqual(0.02);
});

function note(description: string): void {
  test.info().annotations.push({ type: "figure", description });
  process.stdout.write(`${description}\n`);
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

/** Scores all steps anew; the first is written again, so that nothing is known of what follows. */
async function rescored(page: Page): Promise<number[]> {
  await page.getByRole("button", { name: "Score with the model" }).click();
  await expect(page.getByRole("button", { name: "Score with the model" })).toBeEnabled({ timeout: 900_000 });
  const texts = await steps(page).locator(".chip").allInnerTexts();
  return texts.map((text) => Number(text.replace("−", "-").replace(/[^\d.-]/g, "")));
}
