#!/usr/bin/env python3
"""Constant load for minutes, with event time compressed so that many hours of it go by: memory must be flat once everything that is kept is full.

One client pushes made-up card payments at a constant rate. Each second of ours is --speed seconds of the stream's, so windows of an hour and the day for which ids are
remembered roll through many times. Customers come and go: at any moment so many are active, and in an hour of the stream all of them are replaced, so that entities fall
silent, until those of --pool customers have all had their turn and the first come back. With --pool 0 nobody ever comes back: then each new entity leaves its place in a table and in
the state files behind, which is not flat, and the table says how much it is. Every two seconds the server is asked what it holds. The verdict is on a straight line through what was seen after the warm-up: over the
measured time it may rise by --tolerance per cent of the mean, which is what collections of garbage make it waver by.
"""

import argparse
import collections
import datetime
import json
import os
import random
import subprocess
import sys
import threading
import time

import report
import store

STREAM, SERVICE = "payments", "payments"
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
WINDOW_SECONDS = 3_600
REMEMBERED_SECONDS = 86_400
EVERY_SECONDS = 2.0
BATCH = 500
PLOT_COLUMNS = 60
PLOT_LEVELS = " .:-=+*#%@"
SAMPLED_CUSTOMERS = 500

DEFINITIONS = """
apiVersion: orleansfeatures/v1
streams:
  - name: payments
    event_id: id
    event_time: at
    fields: {id: int64, at: timestamp, customer: int64, amount: double}
entities:
  - {name: customer, key: [customer], history: 30m}
feature_views:
  - name: spend
    entity: customer
    stream: payments
    features:
      - {name: n_10m, aggregate: count, window: 10m}
      - {name: n_1h, aggregate: count, window: 1h}
      - {name: mean_1h, aggregate: mean(amount), window: 1h}
      - {name: max_1h, aggregate: max(amount), window: 1h}
feature_services:
  - {name: payments, features: ["spend:*"]}
"""

# What is sampled, and whether it must be flat. The log is raw history, which is kept unless someone says for how long.
Measure = collections.namedtuple("Measure", "name unit flat")
MEASURES = [Measure("resident", "MB", True), Measure("heap", "MB", True), Measure("states", "MB", True), Measure("events", "", True), Measure("entities", "", False),
            Measure("state files", "MB", True), Measure("log", "MB", False)]


class Load(threading.Thread):
    """The client: feeds a push through its standard input, and remembers the last hour of every customer."""

    def __init__(self, server, arguments):
        super().__init__(daemon=True)
        self.rate, self.speed, self.active, self.pool = arguments.rate, arguments.speed, arguments.customers, arguments.pool
        self.sent = 0
        self.recent = collections.deque()
        self._draw = random.Random(arguments.seed)
        self._done = threading.Event()
        self._push = server.begin("push", "--stream", STREAM, "--file", "-", "--format", "jsonl", "--batch", BATCH, "--retry", 60, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def run(self):
        begun = time.monotonic()
        while not self._done.is_set():
            due = int((time.monotonic() - begun) * self.rate)
            self._push.stdin.write("".join(self._event(number) for number in range(self.sent, due)).encode())
            self._push.stdin.flush()
            self.sent = due
            time.sleep(0.02)

    def finish(self):
        self._done.set()
        self.join()
        self._push.stdin.close()
        told = json.loads(self._push.stdout.read())
        self._push.wait()
        return told

    def stop(self):
        self._done.set()
        if self._push.poll() is None:
            self._push.kill()
            self._push.wait()

    def seconds_at(self, number):
        """Event time, since the start of the stream."""
        return number * self.speed / self.rate

    def _event(self, number):
        at = self.seconds_at(number)
        customer = int(at * self.active / WINDOW_SECONDS) + self._draw.randrange(self.active)
        customer = customer % self.pool if self.pool else customer
        amount = self._draw.randrange(10_000) / 100
        self.recent.append((at, customer, amount))
        while self.recent[0][0] < at - WINDOW_SECONDS - 1:
            self.recent.popleft()
        return f'{{"id":{number},"at":"{stamp(at)}","customer":{customer},"amount":{amount}}}\n'


def stamp(seconds):
    return (START + datetime.timedelta(milliseconds=round(seconds * 1_000))).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Samples:
    def __init__(self, server):
        self.server = server
        self.times = []
        self.values = {measure.name: [] for measure in MEASURES}

    def take(self, now):
        status = self.server.run("status")
        memory = status["memory"]
        held = memory["row_bytes"] + memory["text_bytes"] + memory["summary_bytes"] + memory["entity_overhead_bytes"]
        found = {
            "resident": self._resident(), "heap": memory["heap_bytes"] / 1e6, "states": held / 1e6, "log": status["log_bytes"] / 1e6,
            "events": sum(partition["events"] for partition in status["partitions"]), "entities": sum(partition["entities"] for partition in status["partitions"]),
            "state files": sum(os.path.getsize(os.path.join(folder, file)) for folder, _, files in os.walk(self.server.folder / "data" / "state") for file in files if still(folder, file)) / 1e6,
        }
        self.times.append(now)
        for name, value in found.items():
            self.values[name].append(value)

    def _resident(self):
        for line in open(f"/proc/{self.server.process.pid}/status", encoding="ascii"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1_024 / 1e6
        return 0.0


def still(folder, file):
    """A file may go while files are counted."""
    return os.path.exists(os.path.join(folder, file))


def main(arguments, folder, checks):
    definitions = folder / "definitions"
    definitions.mkdir()
    (definitions / "soak.yaml").write_text(DEFINITIONS, encoding="ascii")
    hours = arguments.minutes * arguments.speed / 60
    print(f"seed {arguments.seed}: {arguments.rate:,} events/s for {arguments.minutes:g} min, which are {hours:.0f} h of event time; {arguments.customers:,} customers at a time, all replaced within an hour", flush=True)
    server = store.Store(arguments.program, folder, definitions, arguments.serve)
    for option, value in [("--checkpoint-interval", arguments.checkpoint_interval), ("--entity-idle", arguments.entity_idle)]:
        if server.offers(option):
            server.options += [option, value]
    with server:
        server.start()
        load, samples = Load(server, arguments), Samples(server)
        try:
            observe(server, load, samples, arguments, checks)
            told = load.finish()
        finally:
            load.stop()
        checks.equal("acknowledged", told["accepted"], load.sent)
        compare(server, load, checks)
        judge(samples, arguments, checks)
        server.stop()


def observe(server, load, samples, arguments, checks):
    load.start()
    progress = report.Progress("seconds", int(arguments.minutes * 60))
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < arguments.minutes * 60:
        samples.take(now)
        progress.at(int(now))
        if not load.is_alive():
            raise store.Failure("the client has stopped")
        time.sleep(max(0, EVERY_SECONDS - (time.monotonic() - begun - now)))
    progress.end()
    kept_up = load.sent / (arguments.minutes * 60 * arguments.rate)
    checks.that("the load was constant", kept_up > 0.97, f"{100 * kept_up:.1f} % of the rate")


def compare(server, load, checks):
    """Live features of some customers at the end, against what the client remembers."""
    now, cells = load.recent[-1][0], report.Cells()
    histories = collections.defaultdict(list)
    for at, customer, amount in load.recent:
        if at > now - WINDOW_SECONDS:
            histories[customer].append(amount)
    customers = random.Random(1).sample(sorted(histories), min(SAMPLED_CUSTOMERS, len(histories)))
    found = server.get(SERVICE, {"entities": [{"customer": customer} for customer in customers], "as_of": stamp(now)})["rows"]
    for customer, row in zip(customers, found, strict=True):
        expected = {"spend:n_1h": len(histories[customer]), "spend:max_1h": max(histories[customer])}
        for name, value in expected.items():
            cells.add(row["features"][name] == value, lambda: f"customer {customer}: {name} is {row['features'][name]}, expected {value}")
    cells.check(checks, "live features of customers at the end")


def judge(samples, arguments, checks):
    first = next(index for index, at in enumerate(samples.times) if at >= arguments.warm_up * arguments.minutes * 60)
    times, rows = samples.times[first:], []
    for measure in MEASURES:
        values = samples.values[measure.name]
        if max(values) == 0:
            continue
        settled = values[first:]
        mean, rise = sum(settled) / len(settled), slope(times, settled) * (times[-1] - times[0])
        percent = 100 * rise / mean
        rows.append((f"{measure.name} {measure.unit}".strip(), round(min(settled), 1), round(mean, 1), round(max(settled), 1), f"{percent:+.1f} %", plot(values)))
        if measure.flat:
            checks.that(f"{measure.name} is flat", percent <= arguments.tolerance, f"{percent:+.1f} % over {times[-1] - times[0]:.0f} s, at most {arguments.tolerance:g} %")
    report.table(["after the warm-up", "least", "mean", "most", "rise", f"all of it, warm-up to {first * PLOT_COLUMNS // len(samples.times)}"], rows)


def slope(times, values):
    """Of the straight line with the least squares."""
    middle_time, middle = sum(times) / len(times), sum(values) / len(values)
    return sum((at - middle_time) * (value - middle) for at, value in zip(times, values)) / sum((at - middle_time) ** 2 for at in times)


def plot(values):
    columns = [values[at * len(values) // PLOT_COLUMNS] for at in range(min(PLOT_COLUMNS, len(values)))]
    return "|" + "".join(PLOT_LEVELS[int((len(PLOT_LEVELS) - 1) * value / max(values))] for value in columns) + "|"


def parse():
    parser = report.options(argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter))
    parser.add_argument("--minutes", type=float, default=12, help="how long (default: 12)")
    parser.add_argument("--rate", type=report.rows_option, default=5_000, help="events a second (default: 5,000)")
    parser.add_argument("--speed", type=float, default=600, help="seconds of event time in one of ours (default: 600, so that the day of ids is full after 2.4 minutes)")
    parser.add_argument("--customers", type=report.rows_option, default=20_000, help="active at a time (default: 20,000)")
    parser.add_argument("--pool", type=int, default=100_000, help="customers in all; 0: nobody comes back (default: 100,000)")
    parser.add_argument("--warm-up", type=float, default=0.4, metavar="PART", help="of the time, that is not judged (default: 0.4)")
    parser.add_argument("--tolerance", type=float, default=5, metavar="PERCENT", help="of rise over the judged time (default: 5)")
    parser.add_argument("--checkpoint-interval", default="10s", help="of the server, where the build has checkpoints (default: 10s)")
    parser.add_argument("--entity-idle", default="10s", help="of the server, where the build has it: after so long without an event or a read an entity leaves memory (default: 10s)")
    parser.add_argument("--serve", action="append", default=[], metavar="WORD", help="one more word for the command line of serve: --serve=--memory-budget --serve=64MB")
    parser.add_argument("--seed", type=int, default=4, help="of the load")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(report.run(main, parse()))
