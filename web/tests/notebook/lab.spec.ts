import type { Page } from "@playwright/test";

import { type Lab, Notebook, expect, has, test } from "./lab";

test.skip(!has("minform", "jupyterlab", "ipykernel", "pandas"), "MINFORM_PYTHON names no Python with the wheel and JupyterLab");

const SOLUTION = `from minform import Playground, credit
p = Playground(steps=["a", "b", "c"], rewards=[0.9, -0.2, 0.5], temperature=0.1)
p`;

test("a number of the page, the slider, and both ways between page and Python", async ({ page, lab }) => {
  const notebook = await Notebook.open(page, lab, "solution", [
    SOLUTION,
    'print(f"{credit([0.9, -0.2, 0.5]).outcome:.2f} {p.credit[-3][\'return\']:.2f} {len(p.credit)}")',
    "print(p.temperature)",
    "p.temperature = 2.0; p.scores = [0.1, 0.2, 0.3]",
    'print("image/png" in p._repr_mimebundle_()[0], p.link[:4], p.state["source"])',
  ]);
  await notebook.run(0);
  const min = page.getByRole("region", { name: "Soft minimum of the step rewards" });
  const shown = (await min.locator(".outcome").innerText()).replace("−", "-");
  expect(await notebook.print(1)).toBe(`${shown} ${shown} 6`);

  const slider = page.getByRole("slider", { name: "Temperature T" });
  await expect(slider).toHaveAttribute("aria-valuetext", "0.1");
  await slider.press("PageUp");
  const moved = await slider.getAttribute("aria-valuetext");
  expect(Number(moved)).toBeGreaterThan(0.1);
  await expect.poll(async () => Number(await notebook.print(2))).toBeCloseTo(Number(moved), 2);

  await notebook.run(3);
  await expect(slider).toHaveAttribute("aria-valuetext", "2");
  await expect(min.locator(".outcome")).not.toHaveText(shown);
  // A picture is taken when the page has been quiet for a while.
  await expect.poll(() => notebook.print(4)).toBe("True #v1= typed");
});

test("in Notebook 7, the page computes and Python follows", async ({ page, lab }) => {
  test.skip(!has("notebook"), "MINFORM_PYTHON names no Python with Notebook 7");
  const notebook = await Notebook.open(page, lab, "seven", [SOLUTION, "print(p.temperature)"], "notebooks");
  await notebook.run(0);
  const min = page.getByRole("region", { name: "Soft minimum of the step rewards" });
  await expect(min.locator(".outcome")).toHaveText("−0.20");
  await page.getByRole("slider", { name: "Temperature T" }).press("End");
  await expect.poll(() => notebook.print(1)).toBe("10");
});

test("the nano reward model scores in the page, and Python sees the same scores as its own", async ({ page, lab }) => {
  const problem = "Leo has 11 pens. He gives away 4. He finds 3 more. How many pens are there?";
  const notebook = await Notebook.open(page, lab, "nano", [
    `from minform import Playground, score
problem, steps = "${problem}", ["11 - 4 = 7", "7 + 3 = 11", "\\\\boxed{11}"]
p = Playground(problem=problem, steps=steps)
p`,
    'print(max(abs(a - b) for a, b in zip(p.scores, score(problem, steps).scores)) < 1e-4, p.state["source"])',
  ]);
  await notebook.run(0);
  await expect(page.locator(".badge")).toHaveText("nano, live", { timeout: 60_000 });
  await expect.poll(() => notebook.print(1)).toBe("True nano");
});

test("live training from the page and from Python", async ({ page, lab }) => {
  const notebook = await Notebook.open(page, lab, "train", [
    "import pandas\nfrom minform import Playground\np = Playground(view='train', prompts=2, samples=2, updates=6)\np.step(1)\np",
    "rows = pandas.DataFrame(p.events)\nprint(sorted(set(rows.lane)), rows.event.value_counts()['update'], p.phase, {'time', 'step'} <= set(rows))",
    "p.reset()",
    "print(len(p.events), p.phase)",
  ]);
  await notebook.run(0);
  await expect(page.getByText("1 of 6")).toBeVisible({ timeout: 60_000 });
  await page.getByRole("button", { name: "Play" }).click();
  await expect(page.getByText("6 of 6")).toBeVisible({ timeout: 90_000 });
  // An evaluation follows the last update.
  await expect(page.getByRole("button", { name: "Play" })).toBeDisabled({ timeout: 30_000 });
  await expect.poll(() => notebook.print(1)).toBe("['min', 'sum'] 12 done True");
  await notebook.run(2);
  await expect(page.getByText("0 of 6")).toBeVisible();
  await expect.poll(() => notebook.print(3)).toBe("0 empty");
});

/** A notebook that was saved after the slider of its widget had been moved, and where to. */
async function saved(page: Page, lab: Lab, name: string) {
  const notebook = await Notebook.open(page, lab, name, [SOLUTION, "print(p.temperature)"]);
  await notebook.run(0);
  const slider = page.getByRole("slider", { name: "Temperature T" });
  await slider.press("PageUp");
  const moved = (await slider.getAttribute("aria-valuetext")) ?? "";
  // What Python has, the notebook saves.
  await expect.poll(async () => Number(await notebook.print(1))).toBeCloseTo(Number(moved), 2);
  await page.keyboard.press("Control+s");
  await expect(page.locator(".jp-mod-dirty")).toHaveCount(0);
  return { notebook, slider, moved };
}

test("a page that is loaded anew shows the widget as it was", async ({ page, lab }) => {
  const { notebook, slider, moved } = await saved(page, lab, "anew");
  await page.goto(`${lab.url}lab/tree/anew.ipynb`);
  await expect(slider).toHaveAttribute("aria-valuetext", moved, { timeout: 60_000 });
  await slider.press("Home");
  await expect.poll(() => notebook.print(1)).toBe("0.001");
});

test("a notebook whose kernel is gone shows the widget that was saved with it, and it computes", async ({ page, lab }) => {
  const { slider, moved } = await saved(page, lab, "kept");
  const sessions = (await (await fetch(`${lab.url}api/sessions`)).json()) as { id: string; path: string }[];
  const token = /_xsrf=([^;]+)/.exec((await fetch(`${lab.url}lab`)).headers.get("set-cookie") ?? "")?.[1] ?? "";
  const headers = { "X-XSRFToken": token, Cookie: `_xsrf=${token}` };
  for (const { id, path } of sessions) {
    if (path === "kept.ipynb") expect((await fetch(`${lab.url}api/sessions/${id}`, { method: "DELETE", headers })).status).toBe(204);
  }
  await page.goto(`${lab.url}lab/tree/kept.ipynb`);
  await expect(slider).toHaveAttribute("aria-valuetext", moved, { timeout: 60_000 });
  await page.getByRole("button", { name: "exact", exact: true }).click();
  const exact = page.getByRole("region", { name: "Minimum of the step rewards", exact: true });
  await expect(exact.locator(".outcome")).toHaveText("−0.20");
});

test("a cell that is run again and again leaves no workers and no memory behind", async ({ page, lab }) => {
  test.setTimeout(300_000);
  const notebook = await Notebook.open(page, lab, "again", [SOLUTION, "p.close()"]);
  const devtools = await page.context().newCDPSession(page);
  const heap = async (): Promise<number> => {
    await devtools.send("HeapProfiler.collectGarbage");
    // Arrays of bytes lie beside the heap of objects: copies of the files would be there.
    const { usedSize, backingStorageSize } = await devtools.send("Runtime.getHeapUsage");
    return (usedSize + backingStorageSize) / 1e6;
  };
  const use = async (): Promise<number> => {
    await notebook.run(0);
    await expect(page.locator(".badge")).toHaveText("typed by hand", { timeout: 60_000 });
    await expect(page.locator("minform-playground")).toHaveCount(1);
    // That of the widget that was there before takes a moment to end.
    await expect.poll(() => page.workers().length).toBe(1);
    return heap();
  };
  await use();
  await use();
  const first = await use();
  let last = first;
  for (let again = 0; again < 20; again += 1) last = await use();
  test.info().annotations.push({ type: "heap in MB", description: JSON.stringify({ first, last }) });
  // Copies of the script or of the files would add more than 10 MB in 20 runs.
  expect(last).toBeLessThan(first + 5);

  await notebook.run(1);
  await expect(page.locator("minform-playground")).toHaveCount(0);
  await expect.poll(() => page.workers().length).toBe(0);
});
