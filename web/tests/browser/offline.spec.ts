import { expect, openWithModels, steps, test } from "./page";

test("opens, scores and shows every view without a network", async ({ page, context }) => {
  await openWithModels(page);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null, undefined, { timeout: 30_000 });
  await context.setOffline(true);
  await page.reload();
  await expect(steps(page)).toHaveCount(6);
  await expect(page.locator(".badge")).toHaveText("nano, live", { timeout: 30_000 });
  await context.setOffline(false);
});

test("nothing is asked of any other place", async ({ page, baseURL }) => {
  const asked: string[] = [];
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(baseURL ?? "").origin) asked.push(request.url());
  });
  await openWithModels(page);
  expect(asked).toEqual([]);
});
