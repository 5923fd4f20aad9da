/** The teaching notebooks: run whole, exported, and driven in Lab. */

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Notebook, PYTHON, expect, has, test } from "./lab";

const EXAMPLES = fileURLToPath(new URL("../../notebook/examples", import.meta.url));
const NAMES = readdirSync(EXAMPLES).filter((name) => name.endsWith(".ipynb"));

/** A notebook may take three minutes, and some time to start. */
const SLOW = 300_000;

/** A number that the page computed, by the view that the notebook opens. */
const NUMBERS: Record<string, RegExp> = {
  solution: /^[−+]?\d+\.\d\d$/,
  group: /^[−+]?\d+\.\d\d$/,
};

test.skip(!has("minform", "jupyterlab", "matplotlib", "pandas"), "MINFORM_PYTHON names no Python with the wheel, JupyterLab and matplotlib");

for (const name of NAMES) {
  test(`${name} runs, and its exported page computes`, async ({ page }) => {
    test.setTimeout(SLOW);
    const folder = mkdtempSync(join(tmpdir(), "minform-examples-"));
    cpSync(EXAMPLES, folder, { recursive: true });
    const options = ["--to", "html", "--execute", "--ExecutePreprocessor.timeout=180", name];
    const env = { ...process.env, MINFORM_STATIC: "1" };
    const done = spawnSync(PYTHON, ["-m", "nbconvert", ...options], { cwd: folder, encoding: "utf8", env });
    expect(done.status, done.stderr).toBe(0);
    const body = readFileSync(join(folder, name.replace(/ipynb$/, "html")), "utf8");
    // The page around the frames asks for scripts of its own, which are not there.
    await page.route("**/*", (route) => route.abort());
    await page.route("http://localhost/lesson.html", (route) => route.fulfill({ contentType: "text/html", body }));
    await page.goto("http://localhost/lesson.html");
    const wanted = readFileSync(join(EXAMPLES, name), "utf8").includes("Playground(");
    const frames = page.locator('iframe[title="minform playground"]');
    if (!wanted) return expect(frames).toHaveCount(0);
    const frame = frames.first().contentFrame();
    await frames.first().scrollIntoViewIfNeeded();
    await expect(frame.locator("minform-app")).toBeVisible({ timeout: 60_000 });
    const one = frame.getByRole("button", { name: "One update" });
    if ((await one.count()) > 0) {
      await one.click();
      await expect(frame.getByText(/^1 of \d+/)).toBeVisible({ timeout: 90_000 });
    } else {
      await expect(frame.locator(".outcome").first()).toHaveText(NUMBERS["solution"] ?? "", { timeout: 60_000 });
    }
  });
}

test("why the sum is hacked, in Lab: the widget appears and its slider moves", async ({ page, lab }) => {
  test.setTimeout(SLOW);
  cpSync(EXAMPLES, lab.folder, { recursive: true });
  await runAll(page, await Notebook.openFile(page, lab, "01-why-the-sum-is-hacked.ipynb"));
  const slider = page.locator("minform-playground").getByRole("slider", { name: "Temperature T" });
  await expect(slider).toBeVisible({ timeout: 120_000 });
  const outcome = page.locator("minform-playground .outcome");
  const before = [await slider.getAttribute("aria-valuetext"), await outcome.allInnerTexts()];
  await slider.press("End");
  await expect(slider).toHaveAttribute("aria-valuetext", "10");
  expect(await outcome.allInnerTexts()).not.toEqual(before[1]);
});

test("min-form RL live, in Lab: training advances", async ({ page, lab }) => {
  test.setTimeout(SLOW);
  cpSync(EXAMPLES, lab.folder, { recursive: true });
  await runAll(page, await Notebook.openFile(page, lab, "03-min-form-rl-live.ipynb"));
  await expect(page.locator("minform-playground")).toBeVisible({ timeout: 120_000 });
  // The notebook itself presses Play.
  await expect(page.locator("minform-playground").getByText(/^[2-9] of 40|^\d\d of 40/)).toBeVisible({ timeout: 150_000 });
});

/** Runs every cell, by the menu, and shows the first playground. */
async function runAll(page: import("@playwright/test").Page, _notebook: Notebook): Promise<void> {
  await page.getByRole("menuitem", { name: "Run", exact: true }).click();
  await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();
}
