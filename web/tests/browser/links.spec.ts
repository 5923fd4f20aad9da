import { readFileSync } from "node:fs";

import { EXAMPLES } from "../../app/examples";
import { expect, open, openWithModels, rewrite, show, steps, test } from "./page";

test("a link brings everything back", async ({ page, context }) => {
  await open(page);
  await rewrite(page, 1, "Ünïcode & <b>markup</b>");
  await page.getByRole("slider", { name: "Discount γ" }).focus();
  await page.keyboard.press("PageDown");
  const gamma = await page.getByRole("slider", { name: "Discount γ" }).getAttribute("aria-valuetext");
  await page.getByRole("button", { name: "Share" }).click();
  const link = await page.getByRole("textbox", { name: "Link" }).inputValue();
  expect(link).toContain("#v1=");
  const other = await context.newPage();
  await other.goto(link);
  await expect(steps(other).first()).toContainText("Ünïcode & <b>markup</b>");
  await expect(other.getByRole("slider", { name: "Discount γ" })).toHaveAttribute("aria-valuetext", gamma ?? "");
});

test("a teacher's link takes controls away", async ({ page, context }) => {
  await open(page);
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("checkbox", { name: "editing" }).check();
  await page.getByRole("checkbox", { name: "the other views" }).check();
  await page.getByRole("checkbox", { name: "discount γ" }).check();
  const link = await page.getByRole("textbox", { name: "Link" }).inputValue();
  const other = await context.newPage();
  await other.goto(link);
  await expect(steps(other)).toHaveCount(6);
  await expect(other.getByRole("navigation", { name: "Views" })).toHaveCount(0);
  await expect(other.getByRole("toolbar")).toHaveCount(0);
  await expect(other.getByRole("slider", { name: "Discount γ" })).toHaveCount(0);
  await expect(other.getByRole("slider", { name: "Temperature T" })).toHaveCount(1);
});

test("views that were looked at are places to go back to", async ({ page }) => {
  await open(page);
  await show(page, "Group");
  await show(page, "Device");
  await page.goBack();
  await expect(page.getByRole("main", { name: "Group" })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("main", { name: "Solution" })).toBeVisible();
  await page.goForward();
  await expect(page.getByRole("main", { name: "Group" })).toBeVisible();
});

test("the address follows what is on screen", async ({ page }) => {
  await open(page);
  await show(page, "Group");
  await expect.poll(() => page.url()).toContain("#v1=");
  await page.reload();
  await expect(page.getByRole("main", { name: "Group" })).toBeVisible();
});

const HOSTILE = [
  "#v99=abcd",
  "#v1=%3Cimg%20src=x%20onerror=alert(1)%3E",
  "#v1=AAAAAAAA",
  `#v1=${"A".repeat(200_000)}`,
  "#v1=eyJ2aWV3IjoieCJ9",
];

for (const [at, fragment] of HOSTILE.entries()) {
  test(`hostile link ${at + 1} is refused with a message`, async ({ page }) => {
    page.on("dialog", () => {
      throw new Error("a dialog was opened");
    });
    await open(page, `./${fragment}`);
    await expect(page.getByRole("alert")).toContainText("The link was not opened");
    await expect(steps(page)).toHaveCount(6);
  });
}

test("markup in a link stays text", async ({ page }) => {
  await open(page);
  await rewrite(page, 1, '<img src=x onerror="document.title=1"> $\\href{javascript:alert(1)}{x}$');
  await expect(steps(page).first()).toContainText("<img src=x");
  await expect(page.locator("img, a[href^='javascript']")).toHaveCount(0);
});

test("files: scores as the command line writes them, and back", async ({ page }) => {
  await open(page);
  await page.getByRole("button", { name: "Files" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Scores as JSON" }).click(),
  ]);
  const text = readFileSync(await download.path(), "utf8");
  const row = JSON.parse(text) as Record<string, unknown>;
  expect(Object.keys(row)).toEqual(["id", "problem", "steps", "scores", "first_error", "soft_min", "min", "label"]);
  const paste = page.getByRole("textbox", { name: "Paste rows" });
  await paste.fill(text);
  await paste.press("Tab");
  await expect(page.locator(".badge")).toContainText("imported");
  await paste.fill("{broken");
  await paste.press("Tab");
  await expect(page.getByRole("alert")).toContainText("not JSON");
});

test("files: rows of ProcessBench and TRL", async ({ page }) => {
  await open(page);
  await page.getByRole("button", { name: "Files" }).click();
  const rows = [
    { id: "one", problem: "p", steps: ["x", "y"], label: 1, final_answer_correct: false },
    { prompt: "q", completions: ["u", "v", "w"], labels: [true, false, false] },
  ];
  const buffer = Buffer.from(rows.map((row) => JSON.stringify(row)).join("\n"));
  await page.getByLabel("Choose files").setInputFiles({ name: "rows.jsonl", mimeType: "application/jsonl", buffer });
  await expect(steps(page)).toHaveCount(2);
  await page.getByRole("combobox", { name: "Solution of the file" }).selectOption({ index: 1 });
  await expect(steps(page)).toHaveCount(3);
});

test("files: judged solutions are scored together, and the first errors that were found are counted", async ({ page }) => {
  await openWithModels(page);
  await page.getByRole("button", { name: "Files" }).click();
  const [slip, right] = EXAMPLES.map(({ solution: { problem, steps, label } }) => ({ problem, steps, label }));
  const wrong = { id: "wrong", ...slip };
  const scored = { id: "scored", ...right, scores: [0.9, -0.5, 0.9, 0.9] };
  const paste = page.getByRole("textbox", { name: "Paste rows" });
  await paste.fill([wrong, { id: "right", ...right }, scored].map((row) => JSON.stringify(row)).join("\n"));
  await paste.press("Tab");
  const set = page.getByRole("region", { name: "Solutions of the file" });
  // Of the one with scores, a right step falls below τ: a false alarm.
  await expect(set.getByRole("row", { name: "without one, none found 0 % of 1" })).toBeVisible();
  await set.getByRole("button", { name: "Score 2 solutions with the model" }).click();
  await expect(set.getByText("in 3 of 3 judged solutions")).toBeVisible();
  await expect(set.getByRole("row", { name: "with an error, found exactly 100 % of 1" })).toBeVisible();
  await expect(set.getByRole("row", { name: "without one, none found 50 % of 2" })).toBeVisible();
  await expect(set.getByRole("row", { name: "F1, the harmonic mean of both 66.7" })).toBeVisible();
  await set.getByRole("combobox", { name: "Solution of the file" }).selectOption({ index: 1 });
  await expect(steps(page).nth(1).locator(".chip")).toContainText("✓");
});

test("a chart is saved as SVG, PNG and CSV", async ({ page }) => {
  await open(page);
  const group = page.getByRole("group", { name: "Save What the reward model says" });
  for (const [name, start] of [["SVG", "<svg"], ["PNG", "\x89PNG"], ["CSV", "step,text"]] as const) {
    const [download] = await Promise.all([page.waitForEvent("download"), group.getByRole("button", { name }).click()]);
    const bytes = readFileSync(await download.path());
    expect(bytes.subarray(0, start.length).toString("latin1")).toBe(start);
    if (name === "SVG") expect(bytes.toString()).not.toContain("var(--");
  }
});
