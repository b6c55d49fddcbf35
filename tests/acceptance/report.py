"""What the scripts say: a line per check, a table at the end, progress where someone is watching."""

import argparse
import pathlib
import shutil
import sys
import tempfile
import time

import store

SHOWN = 10


class Checks:
    """Counts what held and what did not."""

    def __init__(self):
        self.failed = 0

    def equal(self, what, found, expected):
        self.that(what, found == expected, f"{found:,}" if found == expected else f"found {found:,}, expected {expected:,}")

    def that(self, what, holds, detail=""):
        self.failed += not holds
        print(f"{'ok  ' if holds else 'FAIL'}  {what}{': ' if detail else ''}{detail}", flush=True)


class Cells:
    """Compared cells of one table; the first wrong ones are kept for people."""

    def __init__(self):
        self.compared = 0
        self.wrong = 0
        self.examples = []

    def add(self, holds, describe):
        self.compared += 1
        if not holds:
            self.wrong += 1
            if len(self.examples) < SHOWN:
                self.examples.append(describe())

    def check(self, checks, what):
        checks.that(what, self.wrong == 0 and self.compared > 0, f"{self.compared:,} cells compared, {self.wrong:,} wrong")
        for example in self.examples:
            print(f"      {example}")


class Progress:
    """One line that is written over, on a terminal; nothing elsewhere."""

    def __init__(self, what, total):
        self.what, self.total, self.shown = what, max(1, total), 0.0

    def at(self, done):
        now = time.monotonic()
        if sys.stderr.isatty() and now - self.shown > 0.1:
            self.shown = now
            sys.stderr.write(f"\r{self.what}: {done:,} of {self.total:,} ({100 * done // self.total} %)\x1b[K")
            sys.stderr.flush()

    def end(self):
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def table(header, rows):
    """Columns as wide as they need; numbers to the right."""
    cells = [[text(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for line, row in enumerate(cells):
        print("  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths))))
        if line == 0:
            print("  ".join("-" * width for width in widths))
    sys.stdout.flush()


def text(cell):
    return f"{cell:,.1f}" if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else str(cell)


def options(parser):
    """What every script takes."""
    parser.add_argument("--program", type=pathlib.Path, default=store.built_program(), help="the built orleans-features (default: the release build of this tree)")
    parser.add_argument("--shared", type=pathlib.Path, default=store.ROOT.parent / "shared" / "data", help="the folder with the data files (default: ../shared/data)")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder (data, definitions, outputs) behind, and say where it is")
    return parser


def rows_option(text_value):
    rows = int(text_value.replace("_", "").replace(",", ""))
    if rows < 1:
        raise argparse.ArgumentTypeError("expected at least 1")
    return rows


def run(script, arguments):
    """Runs a script in a temporary folder and turns the outcome into an exit code."""
    checks = Checks()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="orleans-features-acceptance-"))
    begun = time.monotonic()
    try:
        script(arguments, folder, checks)
    except (store.Failure, FileNotFoundError) as failure:
        checks.that("ran to the end", False, str(failure))
    finally:
        if arguments.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)
    print(f"{'passed' if checks.failed == 0 else f'{checks.failed} checks FAILED'} in {time.monotonic() - begun:.1f} s")
    return 0 if checks.failed == 0 else 1
