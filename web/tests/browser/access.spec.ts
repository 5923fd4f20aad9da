import AxeBuilder from "@axe-core/playwright";

import { VIEWS, expect, open, openWithModels, show, steps, test } from "./page";

for (const scheme of ["light", "dark"] as const) {
  test(`axe finds nothing in any view, ${scheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await openWithModels(page);
    for (const view of VIEWS) {
      await show(page, view);
      if (view === "Group") await page.getByRole("button", { name: "The step-count puzzle" }).click();
      if (view === "Hacks") await page.getByRole("button", { name: "Begin" }).click();
      await page.waitForTimeout(300);
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
      const found = violations.map(({ id, nodes }) => `${view}: ${id} ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
      expect(found).toEqual([]);
    }
    for (const panel of ["Tour", "Share", "Files", "Keys and help"]) {
      await page.getByRole("button", { name: panel }).click();
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
      expect(violations.map(({ id, nodes }) => `${panel}: ${id} ${nodes.map(({ html }) => html).join(", ")}`)).toEqual([]);
    }
  });
}

test("everything can be done with the keyboard", async ({ page }) => {
  await openWithModels(page);
  const active = (): Promise<string> =>
    page.evaluate(() => {
      let element: Element | null = document.activeElement;
      while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
      return element?.getAttribute("aria-label") ?? element?.textContent?.trim() ?? "";
    });
  const tabTo = async (name: RegExp): Promise<void> => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press("Tab");
      if (name.test(await active())) return;
    }
    throw new Error(`${name.source} cannot be reached with Tab`);
  };
  await tabTo(/^1\s/);
  await page.keyboard.press("ArrowDown");
  await expect(steps(page).nth(1).locator("button.step")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("textbox", { name: "Text of step 2" })).toBeFocused();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("6 * 2 = 12");
  await page.keyboard.press("Enter");
  await expect(steps(page).nth(1)).toContainText("6 * 2 = 12");
  const shown = page.getByRole("slider", { name: "Temperature T" });
  const before = await shown.getAttribute("aria-valuetext");
  await page.keyboard.press("]");
  await expect(shown).not.toHaveAttribute("aria-valuetext", before ?? "");
  await page.keyboard.press("?");
  await expect(page.getByRole("region", { name: "Help" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("region", { name: "Help" })).toHaveCount(0);
  await tabTo(/^Discount γ$/);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Shift+Tab");
});

test("every chart has its numbers as a table", async ({ page }) => {
  await open(page);
  const numbers = page.getByText("Numbers", { exact: true });
  expect(await numbers.count()).toBe(3);
  await numbers.first().click();
  await expect(page.getByRole("table").first().getByRole("row")).toHaveCount(7);
});

test("changes are told to who cannot see them", async ({ page }) => {
  await openWithModels(page);
  await expect(page.locator("[aria-live=polite]")).toContainText("Scored");
});

test("targets are at least 24 pixels", async ({ page }) => {
  await open(page);
  const small = await page.evaluate(() => {
    const found: string[] = [];
    const visit = (root: Document | ShadowRoot): void => {
      for (const element of root.querySelectorAll<HTMLElement>("*")) {
        if (element.shadowRoot) visit(element.shadowRoot);
        if (!element.matches("button, select, input, summary")) continue;
        const { width, height } = element.getBoundingClientRect();
        if (width > 0 && (width < 24 || height < 24)) found.push(`${element.outerHTML.slice(0, 80)} ${width}x${height}`);
      }
    };
    visit(document);
    return found;
  });
  expect(small).toEqual([]);
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 360, height: 740 } });
  test("nothing sticks out", async ({ page }) => {
    await openWithModels(page);
    for (const view of VIEWS) {
      await show(page, view);
      // What is widest in its view.
      if (view === "Group") await page.getByRole("button", { name: "The step-count puzzle" }).click();
      if (view === "Train") await page.getByText("Settings").click();
      await page.waitForTimeout(300);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width, view).toBeLessThanOrEqual(360);
    }
  });
});
