"""As-of oracles: what PostgreSQL and independent programs answered for random instants and for the edges of windows.

Definitions are made from the oracle itself: every aggregate over every window that it asks about. The stream is pushed in the order in which
it arrived, duplicates and all, with the arrival times that the file states; then `training` answers every question, one row per (entity, instant,
policy), and each cell is compared. The policies:

  final, all   every distinct event, however late it came
  online       what was known at the instant asked about: the row's known_at is its as_of
  drop_late    views that allow one hour of lateness; the late output must hold exactly the events that are labelled as too late

The stress stream delivers 517 events first as a copy that arrived later than the original (on another partition, which lags behind). Duplicates are
dropped as they are delivered, so a store that gets the file in its own order knows of these from the copy's arrival on, while the oracle means the
earliest arrival. For `online` that stream is therefore pushed in the order of arrival times, in which the original comes first.
"""

import collections
import csv
import decimal
import gzip
import json

import report
import store

STREAM = "events"
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


# One push of a stream into a store of its own, and the policies whose questions it answers. arrival: whether the events' arrival times are stated;
# sort: in which order they are pushed, if not in the file's; lateness: what the views allow; too_late: the file with the labels of what they must refuse.
Pass = collections.namedtuple("Pass", "policies arrival sort lateness too_late", defaults=(False, None, None, None))

ARRIVING = [Pass(("final", "online"), arrival=True)]


class DataSet:
    """One stream and its oracle. `fields` maps the fields in use to their types; `keep` picks lines of a file that mixes several streams."""

    def __init__(self, name, file, fields, value, entities, producer=None, keep=None, passes=ARRIVING):
        self.name, self.file, self.fields, self.value, self.entities, self.producer, self.keep = name, file, fields, value, entities, producer, keep
        self.whole = value is not None and fields[value] == "int64"
        self.passes = passes

    def definitions(self, windows, lateness=None):
        """YAML for every aggregate over every window, a view and a service per entity type."""
        lines = ["apiVersion: orleansfeatures/v1", "streams:", f"  - name: {STREAM}", "    event_id: event_id", "    event_time: event_time", "    fields:"]
        lines += [f"      {field}: {kind}" for field, kind in self.fields.items()]
        lines += ["entities:", *[f"  - {{name: {entity.name}, key: [{entity.key or ''}]}}" for entity in self.entities]]
        lines += ["feature_views:"]
        for entity in self.entities:
            lines += [f"  - name: {entity.name}_windows", f"    entity: {entity.name}", f"    stream: {STREAM}"]
            lines += [f"    allowed_lateness: {lateness}"] if lateness else []
            lines += ["    features:"]
            for window in windows[entity.name]:
                for column, aggregate in AGGREGATES.items():
                    call = aggregate.format(value=self.value, id="event_id", distinct=entity.distinct)
                    lines.append(f'      - {{name: {column}_{window}, aggregate: "{call}", window: {window}}}')
        lines += ["feature_services:", *[f'  - {{name: {entity.name}, features: ["{entity.name}_windows:*"]}}' for entity in self.entities]]
        return "\n".join(lines) + "\n"

    def stream(self, shared, folder, sort=None):
        """The file to push, and how many lines and distinct events it has. Sorted, it is JSON lines by that field, equal ones in the file's order."""
        path = shared / self.file
        lines, ids = 0, set()
        if sort:
            with gzip.open(path, "rt", encoding="utf-8") as source:
                ordered = sorted(source, key=lambda line: json.loads(line)[sort])
            picked = folder / f"{self.name}.jsonl"
            picked.write_text("".join(ordered), encoding="utf-8")
            return picked, len(ordered), len({json.loads(line)["event_id"] for line in ordered})
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
    DataSet("fraud", "fraud_events.csv.gz", CARD_FIELDS, "amount", CARDS, passes=[Pass(("final",))]),
    DataSet("flights", "flights_events.csv.gz", numbers_and_text(["dep_delay"], ["tailnum", "carrier", "origin", "dest"]), "dep_delay",
            [Entity("tailnum", "tailnum", "dest"), Entity("carrier", "carrier", "dest"), Entity("origin", "origin", "dest"), Entity("dest", "dest", "carrier")]),
    DataSet("ooo", "ooo_events.csv.gz", numbers_and_text(["rtt_ms", "content_length"], ["session", "device_id"], event_id="string"), "rtt_ms",
            [Entity("device", "device_id", "content_length"), Entity("session", "session", "device_id")]),
    DataSet("nexmark", "nexmark_stream.jsonl.gz", numbers_and_text(["auction", "bidder", "price"], ["channel"]), "price",
            [Entity("auction", "auction", "bidder"), Entity("bidder", "bidder", "auction"), Entity("channel", "channel", "bidder")], keep='"type":"bid"'),
    DataSet("stress", "stress_stream.jsonl.gz", CARD_FIELDS, "amount", CARDS, producer="partition", passes=[
        Pass(("all",)),
        Pass(("drop_late",), lateness="1h", too_late="stress_labels.csv.gz"),
        Pass(("online",), arrival=True, sort="arrival_time", lateness="1h", too_late="stress_labels.csv.gz"),
    ]),
]}


class Oracle:
    """The answers of one data set under some policies, and the questions in them: distinct (entity, instant, policy), by entity type, in order of first mention."""

    def __init__(self, shared, data, policies):
        self.answers = collections.defaultdict(list)
        self.windows = collections.defaultdict(dict)
        self.questions = collections.defaultdict(dict)
        with gzip.open(shared / f"{data.name}_asof_oracle.csv.gz", "rt", encoding="utf-8") as source:
            for row in csv.DictReader(source):
                if row["policy"] in policies:
                    kind = row["entity_type"]
                    self.answers[kind].append(row)
                    self.windows[kind][row["window"]] = int(row["window_ms"])
                    self.questions[kind].setdefault((row["entity_id"], row["as_of"], row["policy"]), len(self.questions[kind]))

    def write_rows(self, entity, path):
        with open(path, "w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(([entity.key] if entity.key else []) + ["as_of", "known_at"])
            for name, instant, policy in self.questions[entity.name]:
                writer.writerow(([name] if entity.key else []) + [instant, instant if policy == "online" else ""])


def embedded(program, folder, definitions, one):
    """A store of its own for one pass."""
    return store.Store(program, folder, definitions, ["--backfill-producer", "*"] if one.arrival else [])


def check(data, program, shared, folder, checks, policies=None, opened=embedded):
    """Everything about one data set, or what some policies ask; returns its lines of the table. Another edition says how it is opened."""
    passes = [each._replace(policies=tuple(policy for policy in each.policies if policies is None or policy in policies)) for each in data.passes]
    return [check_pass(data, each, program, shared, folder, checks, opened) for each in passes if each.policies]


def check_pass(data, one, program, shared, folder, checks, opened):
    name = f"{data.name} {'+'.join(one.policies)}"
    print(f"--- {name}", flush=True)
    folder = folder / name.replace(" ", "_")
    definitions = folder / "definitions"
    definitions.mkdir(parents=True)
    oracle = Oracle(shared, data, one.policies)
    (definitions / f"{data.name}.yaml").write_text(data.definitions(oracle.windows, one.lateness), encoding="utf-8")
    path, lines, distinct = data.stream(shared, folder, one.sort)
    with opened(program, folder, definitions, one) as server:
        server.start()
        pushed = server.run("push", "--stream", STREAM, "--file", path, *(["--producer-field", data.producer] if data.producer else []),
                            *(["--map", "arrival_time=arrival_time"] if one.arrival else []))
        checks.equal("accepted", pushed["accepted"] + pushed["late"], distinct)
        checks.equal("duplicates", pushed["duplicates"], lines - distinct)
        checks.equal("refused", pushed["quarantined"] + pushed["unreadable"], 0)
        if one.too_late:
            check_late(server, shared / one.too_late, pushed, checks)
        cells, seconds = report.Cells(), 0.0
        for entity in data.entities:
            seconds += ask(data, entity, oracle, server, folder, cells)
        cells.check(checks, f"{name}, every aggregate of every window")
        server.stop()
    questions = sum(map(len, oracle.questions.values()))
    return name, lines, pushed["seconds"], questions, cells.compared, cells.wrong, seconds


def check_late(server, labels, pushed, checks):
    """The events that views refused for their lateness are exactly those that were made too late, and all of them can be looked at."""
    with gzip.open(labels, "rt", encoding="utf-8") as source:
        too_late = {int(row["event_id"]) for row in csv.DictReader(source) if row["class"] == "too_late"}
    listed = server.run("late", "--stream", STREAM, "--limit", 1000)
    checks.equal("too late for the views", pushed["late"], len(too_late))
    checks.equal("kept in the late output", listed["total"], len(too_late))
    kept = {json.loads(late["event"])["event_id"] for late in listed["events"] if late["views"]}
    checks.that("the late output holds those labelled as too late, and nothing else", kept == too_late, f"{len(kept - too_late)} others, {len(too_late - kept)} missing")


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
        row = found[oracle.questions[entity.name][answer["entity_id"], answer["as_of"], answer["policy"]]]
        for column in AGGREGATES:
            cell = row[header[f"{column}_{answer['window']}"]]
            cells.add(same(data, column, cell, answer[column]), lambda: describe(answer, column, cell))
        progress.at(number)
    progress.end()
    return seconds


def describe(answer, column, cell):
    return (f"query {answer['query_id']}: {answer['entity_type']} {answer['entity_id']} {answer['window']} as of {answer['as_of']}, {answer['policy']}: "
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
