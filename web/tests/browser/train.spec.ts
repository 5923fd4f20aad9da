import { expect, openWithModels, show, test } from "./page";

test("play, pause, one update, reset", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Train");
  await page.getByRole("button", { name: "One update" }).click();
  await expect(page.getByText("1 of 40")).toBeVisible({ timeout: 60_000 });
  await page.getByRole("button", { name: "Play" }).click();
  await expect(page.getByText("3 of 40")).toBeVisible({ timeout: 60_000 });
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByRole("button", { name: "Play" })).toBeVisible({ timeout: 20_000 });
  await page.getByRole("button", { name: "Reset" }).click();
  await expect(page.getByText("0 of 40")).toBeVisible();
  const runs = page.getByRole("region", { name: "Runs", exact: true });
  await runs.getByRole("textbox", { name: "Name of the run" }).fill("first try");
  await runs.getByRole("checkbox").check();
  await runs.getByRole("button", { name: "Delete" }).click();
  await expect(runs).toHaveCount(0);
});

test("space plays and pauses, a point makes one update", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Train");
  await page.locator("body").click({ position: { x: 5, y: 5 } });
  await page.keyboard.press(".");
  await expect(page.getByText("1 of 40")).toBeVisible({ timeout: 60_000 });
  await page.keyboard.press(" ");
  await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
  await page.keyboard.press(" ");
  await expect(page.getByRole("button", { name: "Play" })).toBeVisible({ timeout: 20_000 });
});

test("settings are brought into their range", async ({ page }) => {
  await openWithModels(page);
  await show(page, "Train");
  await page.getByText("Settings").click();
  for (const [name, typed, taken] of [["seed", "1.5", "2"], ["updates", "100000", "400"], ["learning rate", "9", "0.01"]] as const) {
    const field = page.getByRole("spinbutton", { name, exact: true });
    await field.fill(typed);
    await field.press("Tab");
    await expect(field).toHaveValue(taken);
  }
  await expect(page.getByText(/Seed 2, T = 0\.1, learning rate 0\.01\./)).toBeVisible();
});

test("a policy whose loss is not a number stops the run, and the page says so", async ({ page }) => {
  // The last value of the weights becomes NaN in half precision.
  await page.route("**/models/nano/policy/model.safetensors", async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body.writeUInt16LE(0x7e00, body.length - 2);
    await route.fulfill({ response, body });
  });
  await openWithModels(page);
  await show(page, "Train");
  await page.getByRole("button", { name: "One update" }).click();
  await expect(page.getByRole("alert").first()).toContainText("not finite", { timeout: 60_000 });
  await expect(page.getByRole("button", { name: "Reset" })).toBeEnabled();
});

test("the default run learns by the minimum", async ({ page }) => {
  test.setTimeout(600_000);
  await openWithModels(page);
  await show(page, "Train");
  const start = Date.now();
  await page.getByRole("button", { name: "Play" }).click();
  await expect(page.getByText("40 of 40")).toBeVisible({ timeout: 500_000 });
  await expect(page.getByRole("button", { name: "Play" })).toBeDisabled();
  const seconds = (Date.now() - start) / 1000;
  const story = await page.getByRole("status").filter({ hasText: "By the minimum" }).first().innerText();
  await show(page, "Device");
  const speed = await page.getByRole("row", { name: /one update of both policies/ }).innerText();
  test.info().annotations.push({ type: "run", description: `${seconds.toFixed(1)} s. ${story} ${speed}` });
  const [, last, first] = /minimum: .*?(\d+) % right \((\d+) % at first\)/.exec(story) ?? [];
  expect(Number(last)).toBeGreaterThan(Number(first));
});
