"""The fraud file: its events, the features that its authors published for every one of them, and how to compare.

The authors counted rows up to the current one in the order of an unstable sort. Where two events of one customer share a second, the store
lets both see both; the rows where that differs are listed in fraud_tie_exceptions.csv, and there either value is accepted.
"""

import csv
import gzip
import itertools

import report
import store

DEFINITIONS = store.ROOT / "definitions" / "fraud"
STREAM = "transactions"
SERVICE = "fraud"
MAP = [part for field, column in [("tx_id", "event_id"), ("tx_time", "event_time")] for part in ("--map", f"{field}={column}")]
ENTITY_TYPES = 2
EVENT_ID, EVENT_TIME, CUSTOMER, TERMINAL = 0, 1, 2, 3

# Published value -> our column. Two views share names, so all are written with their view.
FEATURES = {
    **{f"customer_id_nb_tx_{days}day_window": f"customer_spend:nb_tx_{days}d" for days in (1, 7, 30)},
    **{f"customer_id_avg_amount_{days}day_window": f"customer_spend:avg_amount_{days}d" for days in (1, 7, 30)},
    **{f"terminal_id_nb_tx_{days}day_window": f"terminal_risk:nb_tx_{days}d" for days in (1, 7, 30)},
    **{f"terminal_id_risk_{days}day_window": f"terminal_risk:risk_{days}d" for days in (1, 7, 30)},
}

# 1e-6 of the value; averages are published with 6 decimals, so near zero it is 1e-6 itself.
TOLERANCE = 1e-6


class Events:
    """The whole file, or its first rows together with all that share the last one's second, so that every window is complete."""

    def __init__(self, shared, folder, rows):
        self.whole = shared / "fraud_events.csv.gz"
        self.path = self.whole if rows is None else folder / "events.csv"
        self.count = 0
        self._training = folder / "rows.csv"
        self._sample = folder / "sample.csv"
        self._write(rows)

    def _write(self, rows):
        """One pass: the slice, and the rows to ask `training` for, all of them and one in a hundred."""
        with gzip.open(self.whole, "rt", encoding="ascii") as source, \
                open(self._training, "w", encoding="ascii") as training, open(self._sample, "w", encoding="ascii") as sample, \
                (open(self.path, "w", encoding="ascii") if rows is not None else open("/dev/null", "w", encoding="ascii")) as part:
            part.write(next(source))
            for file in (training, sample):
                file.write("event_id,customer_id,terminal_id,as_of\n")
            last = ""
            for line in source:
                cells = line.split(",")
                if rows is not None and self.count >= rows and cells[EVENT_TIME] != last:
                    break
                last = cells[EVENT_TIME]
                part.write(line)
                question = f"{cells[EVENT_ID]},{cells[CUSTOMER]},{cells[TERMINAL]},{cells[EVENT_TIME]}\n"
                training.write(question)
                if self.count % 100 == 0:
                    sample.write(question)
                self.count += 1

    def open(self):
        """The lines of the file, header first, as bytes."""
        return gzip.open(self.path, "rb") if self.path.suffix == ".gz" else open(self.path, "rb")

    def push(self, server):
        return server.run("push", "--stream", STREAM, "--file", self.path, *MAP)

    def train(self, server, out):
        """The features of every event as of its own time."""
        return server.run("training", "--service", SERVICE, "--rows", self._training, "--out", out)

    def train_sample(self, server, out):
        server.run("training", "--service", SERVICE, "--rows", self._sample, "--out", out)
        return out.read_bytes()


def compare(shared, out, count):
    """Every published value of the first `count` events against our training file."""
    ties = {row["event_id"]: row for row in csv.DictReader(open(shared / "fraud_tie_exceptions.csv", encoding="ascii"))}
    cells = report.Cells()
    progress = report.Progress("comparing", count)
    answered = 0
    with open(out, encoding="ascii", newline="") as ours, gzip.open(shared / "fraud_expected_features.csv.gz", "rt", encoding="ascii") as theirs:
        found_rows, expected_rows = csv.reader(ours), csv.reader(theirs)
        pairs = columns(next(found_rows), next(expected_rows))
        for found, expected in zip(found_rows, itertools.islice(expected_rows, count)):
            if found[EVENT_ID] != expected[EVENT_ID]:
                raise store.Failure(f"training changed the order of rows: event {found[EVENT_ID]} stands where {expected[EVENT_ID]} belongs")
            tie = ties.get(expected[EVENT_ID])
            for name, at, published in pairs:
                holds = same(found[at], expected[published]) or (tie is not None and same(found[at], in_range(tie, name)))
                cells.add(holds, lambda: f"event {expected[EVENT_ID]}: {name} is {found[at] or 'null'}, published is {expected[published]}")
            answered += 1
            if answered % 10_000 == 0:
                progress.at(answered)
    progress.end()
    return answered, cells


def columns(found, expected):
    """(published name, our position, their position) of all twelve."""
    missing = [ours for ours in FEATURES.values() if ours not in found]
    if missing:
        raise store.Failure(f"training has no column {', '.join(missing)}; it has {', '.join(found)}")
    return [(name, found.index(ours), expected.index(name)) for name, ours in FEATURES.items()]


def in_range(tie, name):
    """What a tie exception's customer windows hold when both events see both; nothing for terminal windows."""
    if not name.startswith("customer_id_"):
        return "nan"
    days = name.rsplit("_", 2)[1].removesuffix("day")
    return tie[f"range_{'nb' if '_nb_' in name else 'avg'}_{days}d"]


def same(found, expected):
    if found == expected:
        return True
    if not found:
        return False
    number = float(expected)
    return abs(float(found) - number) <= TOLERANCE * max(1.0, abs(number))
