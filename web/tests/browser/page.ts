/** What the browser tests share: opening the page, waiting for the engine, and a console that stays clean. */

import { type Page, expect, test as base } from "@playwright/test";

/** A test that fails if the console hears of an error. */
export const test = base.extend<{ console: string[] }>({
  console: [
    async ({ page }, use) => {
      const errors: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") errors.push(message.text());
      });
      page.on("pageerror", (error) => errors.push(error.message));
      await use(errors);
      expect(errors, "errors in the console").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Opens the page and waits until it is drawn. */
export async function open(page: Page, address = "./"): Promise<void> {
  await page.goto(address);
  await expect(page.getByRole("heading", { name: "minform" })).toBeVisible();
}

/** Opens the page and waits for the nano models. */
export async function openWithModels(page: Page, address = "./"): Promise<void> {
  await open(page, address);
  await expect(page.locator(".badge")).not.toContainText("loading", { timeout: 30_000 });
  await expect(page.locator(".badge")).not.toContainText("no model");
}

export const VIEWS = ["Solution", "Group", "Best of N", "Hacks", "Train", "Device"] as const;

export async function show(page: Page, view: (typeof VIEWS)[number]): Promise<void> {
  await page.getByRole("navigation", { name: "Views" }).getByRole("button", { name: view, exact: true }).click();
  await expect(page.getByRole("main", { name: view })).toBeVisible();
}

/** Types another text into a step, counted from 1. */
export async function rewrite(page: Page, step: number, text: string): Promise<void> {
  await steps(page).nth(step - 1).locator("button.step").dblclick();
  const box = page.getByRole("textbox", { name: `Text of step ${step}` });
  await box.fill(text);
  await box.press("Enter");
}

/** The texts of the steps. */
export function steps(page: Page) {
  return page.getByRole("list", { name: "Steps" }).getByRole("listitem");
}
