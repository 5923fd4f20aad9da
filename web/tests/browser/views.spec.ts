import { expect, open, openWithModels, show, steps, test } from "./page";

test("the puzzle: a tie that a baseline per step breaks, one per token nearly mends, and the paper's keeps", async ({ page }) => {
  await open(page);
  await show(page, "Group");
  await page.getByRole("button", { name: "The step-count puzzle" }).click();
  await expect(page.getByRole("heading", { name: "Same text, other credit" })).toBeVisible();
  await page.getByRole("button", { name: "leave one out, per token" }).click();
  await expect(page.getByRole("heading", { name: "Nearly a tie" })).toBeVisible();
  await page.getByRole("button", { name: "leave one out, as in the paper" }).click();
  await expect(page.getByRole("heading", { name: "A tie, as it should be" })).toBeVisible();
});

test("a group is sampled, scored and opened", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Group");
  await page.getByRole("button", { name: "Sample the policy" }).click();
  await expect(page.getByRole("rowheader")).toHaveCount(6, { timeout: 20_000 });
  await expect(page.locator(".badge")).toHaveText("nano, live");
  await page.getByRole("combobox", { name: "Baseline" }).selectOption({ label: "GRPO" });
  await page.getByRole("rowheader").first().getByRole("button").click();
  await expect(page.getByRole("main", { name: "Solution" })).toBeVisible();
});

test("best of N: recorded curves, then live ones", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Best of N");
  await expect(page.getByText(/recorded earlier/)).toBeVisible();
  await expect(page.getByRole("img", { name: /Share of problems solved: minimum from/ })).toBeVisible();
  await page.getByRole("button", { name: /Sample 16 problems now/ }).click();
  await expect(page.getByText(/sampled just now/)).toBeVisible({ timeout: 20_000 });
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByRole("button", { name: /Sample 16 problems now/ })).toBeVisible();
  await page.getByRole("img", { name: /Share of problems solved/ }).click({ position: { x: 300, y: 100 } });
  await expect(page.getByText(/✓ right|✗ wrong/).first()).toBeVisible();
});

test("hacks: each card has scores, and one is opened", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Hacks");
  const card = page.getByRole("region", { name: "Thinking without solving" });
  await expect(card.getByText("minimum", { exact: true })).toBeVisible();
  await card.getByRole("button", { name: "Open in the first view" }).click();
  await expect(steps(page)).toHaveCount(7);
});

test("fool it: a right answer does not count, a wrong one is judged", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Hacks");
  await page.getByRole("button", { name: "Begin" }).click();
  const text = page.getByRole("textbox", { name: "Your solution, a blank line between steps" });
  await text.fill("This is easy.\n\n\\boxed{31}");
  await page.getByRole("button", { name: "Judge it" }).click();
  await expect(page.getByText(/You fooled it|Not fooled/)).toBeVisible();
});

test("train: recorded runs of a larger policy are shown as recorded", async ({ page }) => {
  await open(page);
  await show(page, "Train");
  await page.getByText("Recorded: a larger policy").click();
  const chart = page.getByRole("img", { name: /Right answers to held-out problems/ }).last();
  await expect(chart.locator("path, polyline").first()).toBeVisible();
  await expect(page.getByText(/Not live: 50 runs of/)).toBeVisible();
  await page.getByRole("checkbox", { name: "mean", exact: true }).check();
  await page.getByRole("combobox", { name: "Runs" }).selectOption({ label: "seed 3" });
  await expect(page.getByText("checked answers alone").first()).toBeVisible();
});

test("device: report, self-test and timings", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Device");
  await expect(page.getByText("CPU (WebAssembly)")).toBeVisible();
  await page.getByRole("button", { name: "Self-test" }).click();
  await expect(page.getByText("✓ yes").first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText("✗ no")).toHaveCount(0);
  await expect(page.getByRole("row", { name: /engine and nano models/ })).toBeVisible();
});

test("the tour ticks off what was done and is taken up where it was left", async ({ page }) => {
  await openWithModels(page);
  await page.getByRole("button", { name: "Tour" }).click();
  const tour = page.getByRole("complementary", { name: "Tour" });
  await expect(tour).toContainText("Choose another step.");
  await steps(page).nth(2).locator("button.step").click();
  await expect(tour).toContainText("✓ Done.");
  await tour.getByRole("button", { name: "Next" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Tour" }).click();
  await expect(tour.getByRole("heading", { name: "A score depends on what came before" })).toBeVisible();
  await expect(tour.getByRole("button", { name: "✓ Steps have scores" })).toBeVisible();
});

test("no overlay on the first visit", async ({ page }) => {
  await open(page);
  await expect(page.getByRole("complementary")).toHaveCount(0);
  await expect(page.getByRole("dialog")).toHaveCount(0);
});
