/** Stores what the nano models of this page make of the examples, and their samples for best-of-N. Run after a change of them. */

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { type Download, type Page, expect, test } from "@playwright/test";

import { EXAMPLES } from "../../app/examples.ts";
import { openWithModels, show } from "../browser/page.ts";

const place = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

async function saved(page: Page, button: string): Promise<Download> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button }).click()]);
  return download;
}

test("scores of the examples", async ({ page }) => {
  await openWithModels(page);
  await page.getByRole("button", { name: "Files" }).click();
  const recorded: Record<string, { scores: number[]; tokens: number[] }> = {};
  for (const { name, solution } of EXAMPLES.filter((example) => example.solution.rescore)) {
    await page.getByRole("combobox", { name: "Example" }).selectOption({ label: name });
    await expect(page.locator(".badge")).toHaveText("nano, live");
    const file = await (await saved(page, "Everything")).path();
    const { minform_playground: state } = JSON.parse(readFileSync(file, "utf8")) as {
      minform_playground: { problem: string; steps: string[]; scores: number[]; tokens: number[] };
    };
    expect(state.steps).toEqual(solution.steps);
    recorded[name] = { scores: state.scores.map((score) => Number(score.toFixed(4))), tokens: state.tokens };
  }
  writeFileSync(place("app/recorded.json"), `${JSON.stringify(recorded, null, 2)}\n`);
});

test("samples for best-of-N", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Best of N");
  await page.getByRole("button", { name: /^Sample \d+ problems now/ }).click();
  await expect(page.getByRole("button", { name: "Stop" })).toHaveCount(0, { timeout: 110_000 });
  mkdirSync(place("public/recorded"), { recursive: true });
  copyFileSync(await (await saved(page, "Save the samples")).path(), place("public/recorded/best-of-n.json"));
});
