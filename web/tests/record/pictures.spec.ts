/** Not a test: the picture of the README, docs/pictures/playground.png, by `npm run pictures`. */

import { fileURLToPath } from "node:url";

import { test } from "@playwright/test";

import { openWithModels } from "../browser/page";

const PICTURE = fileURLToPath(new URL("../../../docs/pictures/playground.png", import.meta.url));

test("the playground, for the README", async ({ page }) => {
  await page.setViewportSize({ width: 1180, height: 860 });
  await page.emulateMedia({ colorScheme: "light" });
  await openWithModels(page);
  await page.waitForTimeout(1000);
  await page.screenshot({ path: PICTURE });
});
