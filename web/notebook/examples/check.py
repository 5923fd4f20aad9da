"""Runs the notebooks of this folder, and holds every exercise against no answer, a wrong one and its solution.

python check.py [NAME ...]: of all notebooks, or of those whose names begin so. Needs nbclient, which JupyterLab brings.
Notebooks find the program minform in MINFORM_BINARY alone: what a PATH holds by accident is not checked.
"""

import os
import re
import shutil
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
SLOWEST = 180  # seconds

#: What a cell with an answer may print, by the sign that begins its verdict.
UNANSWERED, WRONG, RIGHT = "…", "✗", "✓"


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def check_format(notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5), "the format has to be 4.5"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None, (
                f"cell {cell.id} holds an output; strip it"
            )


def check_exercises(notebook):
    assert len(tagged(notebook, "exercise")) == len(tagged(notebook, "solution")) == 3, (
        "there have to be three exercises with a solution each"
    )


def check_links(notebook):
    """Links to files lead somewhere; those that leave the folder, in a source tree alone."""
    in_source_tree = (FOLDER / "../../../docs").is_dir()
    for cell in notebook.cells:
        for link in re.findall(r"\]\(([^)\s#]+)", cell.source) if cell.cell_type == "markdown" else ():
            here = "://" not in link and (in_source_tree or not link.startswith("../"))
            assert not here or (FOLDER / link).exists(), f"cell {cell.id}: there is no {link}"


def code_of(solution):
    """The code in a hidden solution."""
    (code,) = re.findall(r"```python\n(.*?)```", solution.source, re.DOTALL)
    return code


def wrong_code(exercise):
    """The cell of an exercise with wrong answers: what is None becomes a function, which is no number and no list."""
    return re.sub(
        r"^(\w+) = None\b.*$",
        r"\1 = lambda *given: [99.0] * 9",
        exercise.source,
        flags=re.MULTILINE,
    )


def printed(cell):
    return "".join(
        output.get("text", "") for output in cell.outputs if output.output_type == "stream"
    )


def check_quiet(cell):
    """Cells warn of nothing: a reader would take that for a mistake."""
    warned = [one.text for one in cell.outputs if one.get("name") == "stderr"]
    assert not warned, f"cell {cell.id} warns: {''.join(warned)}"


def run(client, source):
    cell = nbformat.v4.new_code_cell(source)
    client.nb.cells.append(cell)
    client.execute_cell(cell, len(client.nb.cells) - 1)
    return printed(cell)


def expect(verdict, text, where):
    assert any(line.startswith(verdict) for line in text.splitlines()), (
        f"{where}: {verdict} was expected, not {text!r}"
    )


def check(path):
    notebook = nbformat.read(path, as_version=4)
    check_format(notebook)
    check_exercises(notebook)
    check_links(notebook)
    exercises, solutions = tagged(notebook, "exercise"), tagged(notebook, "solution")
    client = NotebookClient(
        notebook, timeout=2 * SLOWEST, resources={"metadata": {"path": str(FOLDER)}}
    )
    with client.setup_kernel():
        start = time.monotonic()
        for at, cell in enumerate(list(notebook.cells)):
            client.execute_cell(cell, at)
            if cell.cell_type == "code":
                check_quiet(cell)
        seconds = time.monotonic() - start
        for exercise, solution in zip(exercises, solutions):
            expect(UNANSWERED, printed(exercise), f"{exercise.id} without an answer")
            expect(
                WRONG, run(client, wrong_code(exercise)), f"{exercise.id} with a wrong answer"
            )
            expect(RIGHT, run(client, code_of(solution)), f"{solution.id}")
    assert seconds < SLOWEST, f"takes {seconds:.0f} s; {SLOWEST} s are allowed"
    return seconds


def show_as_exported():
    """Cells that draw into widgets may keep nbclient waiting for ever; exported pages have none."""
    os.environ["MINFORM_STATIC"] = "1"


def hide_program():
    folders = os.environ.get("PATH", "").split(os.pathsep)
    hidden = [folder for folder in folders if shutil.which("minform", path=folder) is None]
    os.environ["PATH"] = os.pathsep.join(hidden)


def main(names):
    hide_program()
    show_as_exported()
    paths = [
        path
        for path in sorted(FOLDER.glob("*.ipynb"))
        if not names or path.name.startswith(tuple(names))
    ]
    for path in paths:
        print(f"{path.stem}: {check(path):.1f} s, exercises hold", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
