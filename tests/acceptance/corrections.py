"""A history full of mistakes, then its corrections: every feature must be what its authors published of the history without mistakes.

Of the fraud file's events, one in ten is pushed with other values (another customer, terminal, amount, label, or a time up to a day off), one in twenty
brings an event that never happened, one in fifty is left out. Then the corrections come in random order: upserts for what was wrong
or missing, deletes by id for what never happened.
"""

import csv
import datetime
import itertools
import random

import fraud

WRONG, INVENTED, MISSING = 0.10, 0.05, 0.02
FIRST_INVENTED_ID = 10_000_000_000
TIME = "%Y-%m-%dT%H:%M:%SZ"


class Mistakes:
    """Both files, made from the events of a slice; the same seed makes the same."""

    def __init__(self, events, folder, seed):
        self.first, self.second = folder / "mistaken.csv", folder / "corrections.csv"
        self.pushed = self.corrections = 0
        draw = random.Random(seed)
        with events.open() as source:
            reader = csv.reader(line.decode("ascii") for line in source)
            self.header = next(reader)
            self._write(list(reader), draw)

    def _write(self, rows, draw):
        corrections = []
        with open(self.first, "w", encoding="ascii", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(self.header)
            for first, later in histories(rows, draw):
                writer.writerows(first)
                self.pushed += len(first)
                corrections += later
        draw.shuffle(corrections)
        self.corrections = len(corrections)
        with open(self.second, "w", encoding="ascii", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["op", *self.header])
            writer.writerows(corrections)


def histories(rows, draw):
    """For every event: the rows that are pushed in its place at first, and the corrections, each with its operation before it, that put them right."""
    invented_ids = itertools.count(FIRST_INVENTED_ID)
    for row in rows:
        first, later = [], []
        kind = draw.random()
        if kind >= MISSING:
            first.append(spoiled(row, rows, draw) if kind < MISSING + WRONG else row)
        if kind < MISSING + WRONG:
            later.append(["upsert", *row])
        if draw.random() < INVENTED:
            invented = spoiled(row, rows, draw)
            invented[fraud.EVENT_ID] = str(next(invented_ids))
            first.append(invented)
            later.append(["delete", invented[fraud.EVENT_ID], *[""] * (len(row) - 1)])
        yield first, later


def spoiled(row, rows, draw):
    """The event with another customer, terminal, amount, label or time, at least one of them."""
    wrong = list(row)
    while wrong == row:
        other = draw.choice(rows)
        for at in range(fraud.EVENT_TIME, len(row)):
            if draw.random() < 0.4:
                wrong[at] = other[at]
        wrong[fraud.EVENT_TIME] = row[fraud.EVENT_TIME]
        if draw.random() < 0.4:
            time = datetime.datetime.strptime(row[fraud.EVENT_TIME], TIME) + datetime.timedelta(seconds=draw.randint(-86_400, 86_400))
            wrong[fraud.EVENT_TIME] = time.strftime(TIME)
    return wrong
