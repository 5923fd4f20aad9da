/** The teaching notebooks: run whole, exported, and driven in Lab; without the program, as most readers have them. */

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { FrameLocator, Page } from "@playwright/test";

import { ENVIRONMENT, Notebook, PYTHON, expect, has, test } from "./lab";

const EXAMPLES = fileURLToPath(new URL("../../notebook/examples", import.meta.url));
const NAMES = readdirSync(EXAMPLES).filter((name) => name.endsWith(".ipynb"));

/** A notebook may take three minutes, and some time to start. */
const SLOW = 300_000;

test.skip(!has("minform", "jupyterlab", "matplotlib", "pandas"), "MINFORM_PYTHON names no Python with the wheel, JupyterLab and matplotlib");

/** The view of the first playground of a notebook. */
function viewOf(name: string): string {
  const { cells } = JSON.parse(readFileSync(join(EXAMPLES, name), "utf8")) as { cells: { cell_type: string; source: string[] }[] };
  const code = cells.filter(({ cell_type }) => cell_type === "code").map(({ source }) => source.join(""));
  return /\bPlayground\(\s*view="([a-z-]+)"/.exec(code.join("\n"))?.[1] ?? "none";
}

/** The page of a notebook that nbconvert has run. */
function exported(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "minform-examples-"));
  try {
    cpSync(EXAMPLES, folder, { recursive: true });
    const options = ["--to", "html", "--execute", "--ExecutePreprocessor.timeout=180", name];
    const env = { ...ENVIRONMENT, MINFORM_STATIC: "1" };
    const done = spawnSync(PYTHON, ["-m", "nbconvert", ...options], { cwd: folder, encoding: "utf8", env, timeout: 240_000 });
    expect(done.status, done.stderr).toBe(0);
    return readFileSync(join(folder, name.replace(/ipynb$/, "html")), "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A number that the page computes, in any view. */
async function computes(frame: FrameLocator, view: string): Promise<void> {
  if (view === "train") {
    await frame.getByRole("button", { name: "One update" }).click({ timeout: 60_000 });
    return expect(frame.getByText(/^1 of \d+/)).toBeVisible({ timeout: 90_000 });
  }
  if (view === "device") {
    const rate = frame.getByRole("row", { name: /^tokens scored a second 1 [1-9][\d,]* / });
    return expect(async () => {
      await frame.getByRole("button", { name: "Refresh" }).click({ timeout: 1000 });
      await expect(rate).toBeVisible({ timeout: 1000 });
    }).toPass({ timeout: 60_000 });
  }
  const number = frame.locator(view === "group" ? "td.total" : ".outcome").first();
  await expect(number).toHaveText(/^[−+]?\d+\.\d\d$/, { timeout: 60_000 });
}

for (const name of NAMES) {
  test(`${name} runs, and its exported page computes`, async ({ page }) => {
    test.setTimeout(SLOW);
    const body = exported(name);
    // The page around the frames asks for scripts of its own, which are not there.
    await page.route("**/*", (route) => route.abort());
    await page.route("http://localhost/lesson.html", (route) => route.fulfill({ contentType: "text/html", body }));
    await page.goto("http://localhost/lesson.html");
    const frames = page.locator('iframe[title="minform playground"]');
    await frames.first().scrollIntoViewIfNeeded();
    await computes(frames.first().contentFrame(), viewOf(name));
  });
}

test("why the sum is hacked, in Lab: the widget appears and its slider moves", async ({ page, lab }) => {
  test.setTimeout(SLOW);
  cpSync(EXAMPLES, lab.folder, { recursive: true });
  await Notebook.openFile(page, lab, "01-why-the-sum-is-hacked.ipynb");
  await runAll(page);
  const slider = page.locator("minform-playground").getByRole("slider", { name: "Temperature T" });
  await expect(slider).toBeVisible({ timeout: 120_000 });
  const outcome = page.locator("minform-playground .outcome");
  const before = await outcome.allInnerTexts();
  await slider.press("End");
  await expect(slider).toHaveAttribute("aria-valuetext", "10");
  await expect.poll(() => outcome.allInnerTexts()).not.toEqual(before);
});

test("min-form RL live, in Lab: training advances", async ({ page, lab }) => {
  test.setTimeout(SLOW);
  cpSync(EXAMPLES, lab.folder, { recursive: true });
  await Notebook.openFile(page, lab, "03-min-form-rl-live.ipynb");
  await runAll(page);
  await expect(page.locator("minform-playground")).toBeVisible({ timeout: 120_000 });
  // The notebook itself presses Play.
  await expect(page.locator("minform-playground").getByText(/^[2-9] of 40|^\d\d of 40/)).toBeVisible({ timeout: 150_000 });
});

/** Runs every cell, by the menu. */
async function runAll(page: Page): Promise<void> {
  await page.getByRole("menuitem", { name: "Run", exact: true }).click();
  await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();
}
