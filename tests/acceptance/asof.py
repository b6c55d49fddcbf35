"""As-of oracles: what PostgreSQL and independent programs answered for random instants and for the edges of windows.

Definitions are made from the oracle itself: every aggregate over every window that it asks about. The stream is pushed in the order in which
it arrived, duplicates and all; then `training` answers every question, one row per (entity, instant), and each cell is compared.
"""

import collections
import csv
import decimal
import gzip
import json

import report
import store

STREAM = "events"
POLICIES = ("final", "all")
TOLERANCE = 1e-6

# Oracle column -> aggregate. {value}, {id} and {distinct} are the data set's.
AGGREGATES = {
    "count": "count",
    "sum": "sum({value})",
    "avg": "mean({value})",
    "min": "min({value})",
    "max": "max({value})",
    "stddev_samp": "stddev_samp({value})",
    "stddev_pop": "stddev_pop({value})",
    "distinct_count": "distinct_count({distinct})",
    "p50_cont": "percentile({value}, 0.5)",
    "p95_cont": "percentile({value}, 0.95)",
    "p50_disc": "percentile_disc({value}, 0.5)",
    "p95_disc": "percentile_disc({value}, 0.95)",
    "last5_event_ids": "last_n({id}, 5)",
    "last5_values": "last_n({value}, 5)",
}
LISTS = ("last5_event_ids", "last5_values")

# name: what the oracle calls it; key: its field, none for one entity over the whole stream; distinct: the field of distinct_count.
Entity = collections.namedtuple("Entity", "name key distinct")


class DataSet:
    """One stream and its oracle. `fields` maps the fields in use to their types; `keep` picks lines of a file that mixes several streams."""

    def __init__(self, name, file, fields, value, entities, producer=None, keep=None):
        self.name, self.file, self.fields, self.value, self.entities, self.producer, self.keep = name, file, fields, value, entities, producer, keep
        self.whole = value is not None and fields[value] == "int64"

    def definitions(self, windows):
        """YAML for every aggregate over every window, a view and a service per entity type."""
        lines = ["apiVersion: orleansfeatures/v1", "streams:", f"  - name: {STREAM}", "    event_id: event_id", "    event_time: event_time", "    fields:"]
        lines += [f"      {field}: {kind}" for field, kind in self.fields.items()]
        lines += ["entities:", *[f"  - {{name: {entity.name}, key: [{entity.key or ''}]}}" for entity in self.entities]]
        lines += ["feature_views:"]
        for entity in self.entities:
            lines += [f"  - name: {entity.name}_windows", f"    entity: {entity.name}", f"    stream: {STREAM}", "    features:"]
            for window in windows[entity.name]:
                for column, aggregate in AGGREGATES.items():
                    call = aggregate.format(value=self.value, id="event_id", distinct=entity.distinct)
                    lines.append(f'      - {{name: {column}_{window}, aggregate: "{call}", window: {window}}}')
        lines += ["feature_services:", *[f'  - {{name: {entity.name}, features: ["{entity.name}_windows:*"]}}' for entity in self.entities]]
        return "\n".join(lines) + "\n"

    def stream(self, shared, folder):
        """The file to push, and how many lines and distinct events it has."""
        path = shared / self.file
        lines, ids = 0, set()
        picked = None if self.keep is None else folder / f"{self.name}.jsonl"
        with gzip.open(path, "rt", encoding="utf-8") as source, open(picked or "/dev/null", "w", encoding="utf-8") as target:
            is_csv = ".csv" in self.file
            if is_csv:
                next(source)
            for line in source:
                if self.keep is None or self.keep in line:
                    target.write(line)
                    lines += 1
                    ids.add(line.split(",", 1)[0] if is_csv else json.loads(line)["event_id"])
        return picked or path, lines, len(ids)


def numbers_and_text(numbers, texts, **others):
    return {"event_id": "int64", "event_time": "timestamp", **dict.fromkeys(numbers, "int64"), **dict.fromkeys(texts, "string"), **others}


CARDS = [Entity("customer", "customer_id", "terminal_id"), Entity("terminal", "terminal_id", "customer_id"), Entity("global", None, "customer_id")]
CARD_FIELDS = numbers_and_text(["customer_id", "terminal_id"], [], amount="double")

DATA_SETS = {each.name: each for each in [
    DataSet("fraud", "fraud_events.csv.gz", CARD_FIELDS, "amount", CARDS),
    DataSet("flights", "flights_events.csv.gz", numbers_and_text(["dep_delay"], ["tailnum", "carrier", "origin", "dest"]), "dep_delay",
            [Entity("tailnum", "tailnum", "dest"), Entity("carrier", "carrier", "dest"), Entity("origin", "origin", "dest"), Entity("dest", "dest", "carrier")]),
    DataSet("ooo", "ooo_events.csv.gz", numbers_and_text(["rtt_ms", "content_length"], ["session", "device_id"], event_id="string"), "rtt_ms",
            [Entity("device", "device_id", "content_length"), Entity("session", "session", "device_id")]),
    DataSet("nexmark", "nexmark_stream.jsonl.gz", numbers_and_text(["auction", "bidder", "price"], ["channel"]), "price",
            [Entity("auction", "auction", "bidder"), Entity("bidder", "bidder", "auction"), Entity("channel", "channel", "bidder")], keep='"type":"bid"'),
    DataSet("stress", "stress_stream.jsonl.gz", CARD_FIELDS, "amount", CARDS, producer="partition"),
]}


class Oracle:
    """The answers of one data set, and the questions in them: distinct (entity, instant), by entity type, in order of first mention."""

    def __init__(self, shared, data):
        self.answers = collections.defaultdict(list)
        self.windows = collections.defaultdict(dict)
        self.questions = collections.defaultdict(dict)
        with gzip.open(shared / f"{data.name}_asof_oracle.csv.gz", "rt", encoding="utf-8") as source:
            for row in csv.DictReader(source):
                if row["policy"] in POLICIES:
                    kind = row["entity_type"]
                    self.answers[kind].append(row)
                    self.windows[kind][row["window"]] = int(row["window_ms"])
                    self.questions[kind].setdefault((row["entity_id"], row["as_of"]), len(self.questions[kind]))

    def write_rows(self, entity, path):
        with open(path, "w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(([entity.key] if entity.key else []) + ["as_of"])
            writer.writerows(([name] if entity.key else []) + [instant] for name, instant in self.questions[entity.name])


def check(data, program, shared, folder, checks):
    """Everything about one data set; returns its line of the table."""
    print(f"--- {data.name}", flush=True)
    folder = folder / data.name
    definitions = folder / "definitions"
    definitions.mkdir(parents=True)
    oracle = Oracle(shared, data)
    (definitions / f"{data.name}.yaml").write_text(data.definitions(oracle.windows), encoding="utf-8")
    path, lines, distinct = data.stream(shared, folder)
    with store.Store(program, folder, definitions) as server:
        server.start()
        pushed = server.run("push", "--stream", STREAM, "--file", path, *(["--producer-field", data.producer] if data.producer else []))
        checks.equal("accepted", pushed["accepted"] + pushed["late"], distinct)
        checks.equal("duplicates", pushed["duplicates"], lines - distinct)
        checks.equal("refused", pushed["quarantined"] + pushed["unreadable"], 0)
        cells, seconds = report.Cells(), 0.0
        for entity in data.entities:
            seconds += ask(data, entity, oracle, server, folder, cells)
        cells.check(checks, f"{data.name}, every aggregate of every window")
        server.stop()
    questions = sum(map(len, oracle.questions.values()))
    return data.name, lines, pushed["seconds"], questions, cells.compared, cells.wrong, seconds


def ask(data, entity, oracle, server, folder, cells):
    """Asks all questions about one entity type and compares the answers; returns the seconds that `training` took."""
    rows, out = folder / f"{entity.name}_rows.csv", folder / f"{entity.name}_out.csv"
    oracle.write_rows(entity, rows)
    seconds = server.run("training", "--service", entity.name, "--rows", rows, "--out", out)["seconds"]
    with open(out, encoding="utf-8", newline="") as source:
        reader = csv.reader(source)
        header = {name: at for at, name in enumerate(next(reader))}
        found = list(reader)
    if len(found) != len(oracle.questions[entity.name]):
        raise store.Failure(f"training answered {len(found):,} of {len(oracle.questions[entity.name]):,} rows about {entity.name}")
    progress = report.Progress(f"comparing {entity.name}", len(oracle.answers[entity.name]))
    for number, answer in enumerate(oracle.answers[entity.name]):
        row = found[oracle.questions[entity.name][answer["entity_id"], answer["as_of"]]]
        for column in AGGREGATES:
            cell = row[header[f"{column}_{answer['window']}"]]
            cells.add(same(data, column, cell, answer[column]), lambda: describe(answer, column, cell))
        progress.at(number)
    progress.end()
    return seconds


def describe(answer, column, cell):
    return (f"query {answer['query_id']}: {answer['entity_type']} {answer['entity_id']} {answer['window']} as of {answer['as_of']}: "
            f"{column} is {cell or 'null'}, the oracle says {answer[column] or 'null'}")


def same(data, column, found, expected):
    """Lists and whole numbers are exact, other numbers within 1e-6; null is an empty cell on both sides."""
    if not found or not expected:
        return found == expected
    if column in LISTS:
        ours, theirs = json.loads(found), expected.split("|")
        numbers = column == "last5_values" and not data.whole
        return len(ours) == len(theirs) and all(float(a) == float(b) if numbers else str(a) == b for a, b in zip(ours, theirs))
    if column in ("count", "distinct_count") or (data.whole and column in ("sum", "min", "max", "p50_disc", "p95_disc")):
        return decimal.Decimal(found) == decimal.Decimal(expected)
    number = float(expected)
    return abs(float(found) - number) <= TOLERANCE * max(1.0, abs(number))
