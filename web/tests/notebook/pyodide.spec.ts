/** A kernel that runs in the browser, as JupyterLite's: Pyodide, here in Node. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { loadPyodide } from "pyodide";

import { PYTHON, expect, has, test } from "./lab";

test.skip(!has("minform"), "MINFORM_PYTHON names no Python with the wheel");

const PROGRAM = `
import json
from minform import MinformError, Playground, credit, score
from minform.solver import solver

def refusal(act):
    try:
        act()
    except MinformError as error:
        return str(error).split(":")[0]

def answer():
    found = credit([0.9, -0.2, 0.5], form="min")
    scored = score("Sam owns 9 shells. He loses 3. How many shells are there?", ["9 - 3 = 7", "So far so good."])
    return [found.weights, found.returns, scored.scores, scored.aggregates(), scored.unknown]

first = answer()
long = refusal(lambda: score("1 + 1?", ["9 - 3 = 6"] * 500))
broken = refusal(lambda: solver()._call("answerText", 0, -1))
Playground(steps=["a"], rewards=[0.5]).close()
said = json.dumps([first, long, broken, answer() == first])`;

test("a kernel in the browser computes what a kernel beside it computes", async () => {
  const beside = spawnSync(PYTHON, ["-c", `${PROGRAM}\nprint(said)`], { encoding: "utf8" });
  expect(beside.stderr).toBe("");
  const place = "import minform, pathlib; print(pathlib.Path(minform.__file__).parent.parent)";
  const packages = spawnSync(PYTHON, ["-c", place], { encoding: "utf8" }).stdout.trim();

  const indexURL = fileURLToPath(new URL("../../node_modules/pyodide", import.meta.url));
  const kernel = await loadPyodide({ indexURL });
  kernel.mountNodeFS("/packages", packages);
  kernel.runPython(`import sys\nsys.path.append("/packages")\n${PROGRAM}`);

  const said: unknown = JSON.parse(kernel.globals.get("said") as string);
  expect(said).toEqual(JSON.parse(beside.stdout));
  expect(said).toEqual([expect.anything(), expect.stringContaining("context"), "the engine broke off", true]);
  expect(kernel.runPython(`"wasmtime" in sys.modules`)).toBe(false);
});
