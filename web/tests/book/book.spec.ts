import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, test } from "../browser/page";

const BOOK = fileURLToPath(new URL("../../../target/book", import.meta.url));
if (!existsSync(BOOK)) throw new Error("there is no book in target/book; `cargo xtask book` makes it");

const PAGES = readdirSync(BOOK, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".html") && !/^(404|toc|print)\.html$/.test(path))
  .map((path) => path.replaceAll("\\", "/"))
  .sort();

const LIVE = ["algorithms/min-form.html", "algorithms/baselines.html", "algorithms/search.html", "tutorial.html"];

/** Opens a page and waits until what is live in it has been drawn and has its models. */
async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  for (const element of await page.locator("minform-playground").all()) {
    await element.scrollIntoViewIfNeeded();
    await expect(element.getByRole("main")).toBeVisible();
    await expect(element.locator(".badge")).not.toContainText("loading", { timeout: 30_000 });
  }
  // Buttons fade in.
  await page.waitForTimeout(300);
}

test("every page is there", () => {
  expect(PAGES).toEqual(expect.arrayContaining([...LIVE, "index.html", "reference/cli.html", "reference/configuration.html"]));
});

for (const scheme of ["light", "dark"] as const) {
  for (const path of PAGES) {
    test(`axe finds nothing, and nothing is asked of another host: ${path}, ${scheme}`, async ({ page, baseURL }) => {
      await page.emulateMedia({ colorScheme: scheme });
      const elsewhere: string[] = [];
      page.on("request", (request) => {
        if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(baseURL ?? "")) elsewhere.push(request.url());
      });
      await open(page, path);
      await expect(page.locator("html")).toHaveClass(scheme === "dark" ? /navy/ : /light/);
      const tags = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
      const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, html }) => `${target.join(" ")} ${html.slice(0, 120)}`).join(", ")}`);
      expect(found).toEqual([]);
      expect(elsewhere).toEqual([]);
    });
  }
}

test("the credit of the page on the min form is computed in it", async ({ page }) => {
  await open(page, "algorithms/min-form.html");
  const playground = page.locator("minform-playground");
  // 0.9 − 0.6 + 0.8 − 0.4 by hand, and the worst of the four.
  await playground.getByRole("button", { name: "exact", exact: true }).click();
  await expect(playground.getByText("The sum pays 0.70 for this solution")).toContainText("−0.60");
  // With γ = 0 only the first step is left.
  await playground.getByRole("slider", { name: "Discount γ" }).press("Home");
  await expect(playground.getByText("The sum pays 0.90 for this solution")).toBeVisible();
});

test("with scripts off a page can be read, and says what is missing", async ({ browser, baseURL }) => {
  const page = await (await browser.newContext({ javaScriptEnabled: false, baseURL: baseURL ?? "" })).newPage();
  await page.goto("algorithms/min-form.html");
  await expect(page.getByRole("heading", { name: "Formula" })).toBeVisible();
  await expect(page.getByText("It needs JavaScript.")).toBeVisible();
  await page.context().close();
});

test("formulas are read as mathematics", async ({ page }) => {
  await page.goto("algorithms/min-form.html");
  expect(await page.locator("math").count()).toBeGreaterThan(10);
  expect(await page.locator("main").first().innerText()).not.toMatch(/\$\$|\\operatorname|\\frac/);
});

test("search finds a setting", async ({ page }) => {
  await page.goto("index.html?search=explained_variance");
  await expect(page.locator("#mdbook-searchresults, #searchresults").getByRole("link").first()).toBeVisible();
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 360, height: 740 } });
  for (const path of [...LIVE, "index.html", "results.html", "reference/cli.html", "reference/configuration.html", "log.html"]) {
    test(`nothing sticks out of ${path}`, async ({ page }) => {
      await open(page, path);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    });
  }
});
