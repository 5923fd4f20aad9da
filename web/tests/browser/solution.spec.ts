import { expect, open, openWithModels, rewrite, show, steps, test } from "./page";

test("paints a solution, its rewards and both lanes", async ({ page }) => {
  await open(page);
  await expect(steps(page)).toHaveCount(6);
  await expect(page.getByRole("img", { name: /^Step rewards/ })).toBeVisible();
  await expect(page.getByRole("img", { name: /^Sum: return of/ })).toBeVisible();
  await expect(page.getByRole("img", { name: /^Soft minimum: return of/ })).toBeVisible();
  await expect(page.getByText(/The sum pays .* for this solution, the soft minimum/)).toBeVisible();
});

test("an edited step is scored again, with those after it", async ({ page }) => {
  await openWithModels(page);
  await expect(page.locator(".badge")).toHaveText("nano, live");
  const second = steps(page).nth(1);
  await expect(second.locator(".chip")).toContainText("✗");
  await rewrite(page, 2, "6 * 2 = 12");
  await expect(second.locator(".chip")).toContainText("✓");
});

test("steps are split, joined, moved, added and deleted", async ({ page }) => {
  await open(page);
  const tools = page.getByRole("toolbar", { name: "Step 1" });
  await steps(page).first().locator("button.step").click();
  await tools.getByRole("button", { name: "Cut in two halves" }).click();
  await expect(steps(page)).toHaveCount(7);
  await steps(page).nth(1).locator("button.step").click();
  await page.getByRole("toolbar", { name: "Step 2" }).getByRole("button", { name: "Join to the step before" }).click();
  await expect(steps(page)).toHaveCount(6);
  await expect(steps(page).first()).toContainText("9 - 3 = 6");
  await tools.getByRole("button", { name: "Move down" }).click();
  await expect(steps(page).nth(1)).toContainText("9 - 3 = 6");
  await page.getByRole("toolbar", { name: "Step 2" }).getByRole("button", { name: "Delete the step" }).click();
  await expect(steps(page)).toHaveCount(5);
  await page.getByRole("button", { name: "Add a step", exact: true }).click();
  await expect(steps(page)).toHaveCount(6);
});

test("a separator typed into a step makes steps of it", async ({ page }) => {
  await open(page);
  await rewrite(page, 1, "1 + 1 = 2\n\n2 + 1 = 3\n\n3 + 1 = 4");
  await expect(steps(page)).toHaveCount(8);
});

test("another separator cuts the solution anew", async ({ page }) => {
  await open(page);
  await rewrite(page, 1, "1 + 1 = 2\n2 + 1 = 3");
  await expect(steps(page)).toHaveCount(6);
  await page.getByRole("combobox", { name: "A step ends at a" }).selectOption({ label: "line" });
  await expect(steps(page)).toHaveCount(7);
});

test("a pattern cuts the solution, and one that is none is refused", async ({ page }) => {
  await open(page);
  await rewrite(page, 1, "Step 1: a Step 22: b");
  const separator = page.getByRole("combobox", { name: "A step ends at a" });
  await separator.selectOption({ label: "text or /pattern/" });
  const field = page.getByRole("textbox", { name: "Text that ends a step, or a pattern between slashes" });
  await field.fill("/(/");
  await field.press("Tab");
  await expect(page.getByRole("alert")).toContainText("not a regular expression");
  await expect(steps(page)).toHaveCount(6);
  await field.fill(String.raw`/Step \d+:|\n\n/`);
  await field.press("Tab");
  await expect(steps(page)).toHaveCount(7);
  await expect(steps(page).nth(1)).toContainText("b");
});

test("cutting loses nothing, and edits are taken back", async ({ page }) => {
  await openWithModels(page);
  const before = await steps(page).allInnerTexts();
  const separator = page.getByRole("combobox", { name: "A step ends at a" });
  await separator.selectOption({ label: "text or /pattern/" });
  const field = page.getByRole("textbox", { name: "Text that ends a step, or a pattern between slashes" });
  await field.fill("/[0-9]+ = /");
  await field.press("Tab");
  await expect(steps(page)).not.toHaveCount(6);
  await separator.selectOption({ label: "sentence" });
  await separator.selectOption({ label: "blank line" });
  await expect(steps(page)).toHaveText(before.map((text) => new RegExp(text.split("\n")[1] ?? "")));
  await page.getByRole("button", { name: "Delete the step" }).click();
  await expect(steps(page)).toHaveCount(5);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(steps(page)).toHaveCount(6);
  await expect(page.locator(".pending")).toHaveCount(0);
});

test("steps without scores are not judged", async ({ page }) => {
  await openWithModels(page);
  await page.getByRole("button", { name: "Files" }).click();
  const paste = page.getByRole("textbox", { name: "Paste rows" });
  await paste.fill(JSON.stringify({ problem: "p", steps: ["Look, words of another world.", "more"], label: 1 }));
  await page.getByRole("button", { name: "Open what was pasted" }).click();
  await expect(page.getByText("No step has a score yet, so nothing can be said of the pay.")).toBeVisible();
  await expect(page.getByText("No step has a score yet.", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Score with the model" }).click();
  await expect(page.getByText(/^The sum pays/)).toBeVisible();
  await expect(page.getByRole("note")).toContainText("does not know");
});

test("a score typed by hand is shown as that and kept", async ({ page }) => {
  await openWithModels(page);
  await steps(page).nth(1).locator("button.step").click();
  await page.getByRole("spinbutton", { name: "score" }).fill("0.5");
  await page.getByRole("spinbutton", { name: "score" }).press("Tab");
  await expect(steps(page).nth(1).locator(".chip")).toContainText("0.50");
  await expect(page.locator(".badge")).toHaveText("typed by hand");
  await page.getByRole("button", { name: "Add a step", exact: true }).click();
  await expect(page.getByText("1 of 7 steps has no score yet, so nothing can be said of the pay.")).toBeVisible();
  // The text of the new step is open still, and the press that ends it counts.
  await page.getByRole("button", { name: "Score with the model" }).click();
  await expect(page.locator(".badge")).toHaveText("nano, live");
  await page.getByRole("button", { name: "Edit the problem" }).click();
  await page.getByRole("button", { name: "Add a step", exact: true }).click();
  await expect(steps(page)).toHaveCount(8);
  await expect(page.getByRole("textbox", { name: "Problem" })).toHaveCount(0);
});

test("T brings the soft minimum to the minimum, and sliders redraw within a frame", async ({ page }) => {
  await openWithModels(page);
  const slider = page.getByRole("slider", { name: "Temperature T" });
  const outcome = page.getByRole("region", { name: "Minimum of the step rewards" }).locator(".outcome");
  const lowest = await page.getByText(/The lowest score, /).innerText();
  await slider.focus();
  for (let at = 0; at < 60; at += 1) await slider.press("ArrowLeft");
  await slider.press("Home");
  expect(lowest).toContain(await outcome.innerText());
  await slider.press("End");
  expect(lowest).not.toContain(`The lowest score, ${await outcome.innerText()},`);
  await page.getByRole("button", { name: "exact", exact: true }).click();
  expect(lowest).toContain(await outcome.innerText());
  await page.getByRole("slider", { name: "Discount γ" }).press("ArrowLeft");
  await show(page, "Device");
  const row = page.getByRole("row", { name: /T to redraw/ }).getByRole("cell");
  const median = Number.parseFloat((await row.nth(2).innerText()).replace(" ms", ""));
  test.info().annotations.push({ type: "T to redraw, median ms", description: String(median) });
  expect(median).toBeLessThan(16);
});

test("says where the true first error is", async ({ page }) => {
  await open(page);
  await page.getByRole("combobox", { name: "Example" }).selectOption({ label: "A proof, scored by hand" });
  await expect(page.getByText("That is the true first error.")).toBeVisible();
  await expect(page.locator("minform-tex math").first()).toBeAttached();
});
