/** Pictures of every view, to be looked at. */

import { VIEWS, openWithModels, show, test } from "./page";

const SHAPES = [
  { name: "wide", width: 1440, height: 900, scheme: "light" },
  { name: "dark", width: 1440, height: 900, scheme: "dark" },
  { name: "phone", width: 360, height: 740, scheme: "light" },
] as const;

for (const { name, width, height, scheme } of SHAPES) {
  test(`pictures, ${name}`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    await openWithModels(page);
    for (const view of VIEWS) {
      await show(page, view);
      if (view === "Group") await page.getByRole("button", { name: "The step-count puzzle" }).click();
      if (view === "Train") {
        await page.getByRole("button", { name: "One update" }).click();
        await page.getByText("1 of 40").waitFor({ timeout: 60_000 });
      }
      await page.waitForTimeout(700);
      const file = `${view.toLowerCase().replaceAll(" ", "-")}-${name}.png`;
      await page.screenshot({ path: `test-results/screens/${file}`, fullPage: true });
    }
  });
}
