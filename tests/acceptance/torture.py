#!/usr/bin/env python3
"""kill -9, hundreds of times, under load from several clients: nothing is lost, nothing is doubled, every value is the oracle's.

Four clients, each a producer with its own share of the fraud file (event i goes to client i mod 4, so that all four are at about the same event time), push
through their standard input and keep trying while their server is down. The rows are let out bit by bit, so that every life of the server meets new ones:

    rows of the file   |-- life 1 --|-- life 2 --|-- life 3 --| ...        let out while the server lives, a part of the file for each life
    server             start..ready....X start..X start..ready......X      killed at a seeded moment: under load, while it starts, during a checkpoint

In the end the server stays up until every client has its last acknowledgement. What was acknowledged and then lost would now be missing in history; what was taken twice
would be there twice. Then everything is pushed once more, the server is killed once more, and every value is compared, live and of the past.

With --corrections, one event in ten is pushed with other values, one in twenty never happened, one in fifty is left out; upserts and deletes in the same stream put that right.
"""

import argparse
import collections
import csv
import datetime
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

import corrections
import fraud
import report
import store

CLIENTS = 4
BATCH = 200
PATIENCE_SECONDS = 600

# Rows between an event that is wrong and what puts it right, in the share of one client: from within one batch to over several lives of the server.
CORRECTED_AFTER_ROWS = 4_000

# Of a hundred kills, how many strike a server that starts, and one that makes a checkpoint (where the build makes any); the others strike under load.
STARTING, CHECKPOINTING = 25, 25

# A kill aims at a checkpoint by watching for a new file; if none comes for so long, it strikes anyway. Then the kill comes this much later.
WATCH_SECONDS = 3.0
INTO_CHECKPOINT_SECONDS = 0.05

# Between two looks at the files, and between two bits of rows that are let out.
PAUSE_SECONDS = 0.002

CHECKPOINT_INTERVAL = "1s"

# Short, so that entities sleep and wake within a life of the server.
IDLE = "1s"

LIVE_ROWS = 5_000

# What a row says beside its event. JSON lines, because a csv reader waits for a whole buffer of rows before it hands on the first.
ENVELOPE = ["--map", "op=op", "--map", "producer=producer"]
INSERT = "insert"


class Client:
    """A producer: a file of its own, a push that reads it through its standard input, and how many rows have been let out."""

    def __init__(self, number, path, rows):
        self.number, self.path, self.rows = number, path, rows
        self._allowed = 0
        self._change = threading.Condition()
        self._push = None
        self._feeder = None

    def begin(self, server):
        self._push = server.begin("push", "--stream", fraud.STREAM, "--file", "-", "--format", "jsonl", "--batch", BATCH, "--retry", PATIENCE_SECONDS, *fraud.MAP, *ENVELOPE,
                                  stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._feeder.start()

    def let_out(self, share):
        with self._change:
            self._allowed = max(self._allowed, round(share * self.rows))
            self._change.notify()

    def running(self):
        return self._push.poll() is None

    def end(self):
        """Waits for the last acknowledgement, and returns what the client was told in all."""
        out, err = self._finish()
        if self._push.returncode != 0:
            raise store.Failure(f"client {self.number} ended with exit code {self._push.returncode}:\n{out}\n{err}")
        return json.loads(out)

    def _finish(self):
        errors = []
        reader = threading.Thread(target=lambda: errors.append(self._push.stderr.read()), daemon=True)
        reader.start()
        out = self._push.stdout.read().decode()
        self._feeder.join()
        reader.join()
        self._push.wait()
        return out, errors[0].decode(errors="replace")

    def again(self, server):
        """The whole share once more, as fast as it goes."""
        return server.begin("push", "--stream", fraud.STREAM, "--file", self.path, *fraud.MAP, *ENVELOPE, stderr=subprocess.PIPE)

    def stop(self):
        if self._push is not None and self.running():
            self._push.kill()
            self._push.wait()

    def _feed(self):
        pipe = self._push.stdin
        try:
            with open(self.path, "rb") as source:
                for number, line in enumerate(source):
                    if number >= self._allowed:
                        pipe.flush()
                        self._wait_for_more(number)
                    pipe.write(line)
            pipe.close()
        except BrokenPipeError:
            pass  # It ended by itself; its exit code is judged in the end.

    def _wait_for_more(self, number):
        with self._change:
            self._change.wait_for(lambda: number < self._allowed or not self.running())


def shares(events, folder, seed, with_corrections):
    """The clients, with their files written. Without corrections the rows are those of the file."""
    with events.open() as source:
        reader = csv.reader(line.decode("ascii") for line in source)
        header, rows = next(reader), list(reader)
    return [share(number, header, rows, folder, random.Random(f"{seed}/{number}"), with_corrections) for number in range(CLIENTS)]


def share(number, header, rows, folder, draw, with_corrections):
    path, own, count = folder / f"client{number}.jsonl", rows[number::CLIENTS], 0
    with open(path, "w", encoding="ascii") as out:
        for operation, *row in mixed(own, number, draw) if with_corrections else ([INSERT, *row] for row in own):
            fields = {name: cell if name == "event_time" else json.loads(cell or "null") for name, cell in zip(header, row, strict=True)}
            out.write(json.dumps({"op": operation, "producer": f"client{number}", **fields}) + "\n")
            count += 1
    return Client(number, path, count)


def mixed(rows, number, draw):
    """Events and corrections in one order: each correction somewhere behind what it corrects."""
    waiting = collections.defaultdict(list)
    for at, (first, later) in enumerate(corrections.histories(rows, draw)):
        for row in first:
            # Every client invents events; their ids must not meet.
            yield [INSERT, *own_id(row, number)]
        for correction in later:
            waiting[at + draw.randint(0, CORRECTED_AFTER_ROWS)].append([correction[0], *own_id(correction[1:], number)])
        yield from waiting.pop(at, ())
    for at in sorted(waiting):
        yield from waiting[at]


def own_id(row, number):
    invented = int(row[fraud.EVENT_ID]) - corrections.FIRST_INVENTED_ID
    return row if invented < 0 else [str(corrections.FIRST_INVENTED_ID + invented * CLIENTS + number), *row[1:]]


class Killer:
    """Starts and kills one server, and keeps what it saw."""

    def __init__(self, server, clients, chance, arguments, has_checkpoints):
        self.server, self.clients, self.chance, self.has_checkpoints = server, clients, chance, has_checkpoints
        self.lives, self.moment = arguments.kills, arguments.moment
        self.kills = collections.Counter()
        self.ready = collections.defaultdict(list)
        self._last_ready = 1.0
        self._before = None

    def strike(self, look=None):
        """One life of the server: from its launch to its end; someone may look at it before that."""
        kind = "under load" if look else self._kind()
        self._let_out(0)
        self.server.launch()
        if kind == "while starting":
            took = self.server.ready_within(self.chance.uniform(0, 1.1 * self._last_ready))
        else:
            took = self.server.ready_within(store.READY_SECONDS)
            if took is None:
                raise store.Failure(f"serve was not ready within {store.READY_SECONDS} s")
            kind = self._wait(kind)
            if look:
                look()
        if took is not None:
            self._note(took)
            kind = "under load" if kind == "while starting" else kind
        self.server.kill()
        self.kills[kind] += 1
        self._before = kind

    def survive(self):
        """The start after the last kill."""
        self._note(self.server.start())

    def _kind(self):
        draw = self.chance.randrange(100)
        if draw < STARTING:
            return "while starting"
        return "during a checkpoint" if draw < STARTING + CHECKPOINTING and self.has_checkpoints else "under load"

    def _note(self, took):
        self._last_ready = took
        if self._before:
            self.ready[self._before].append(took)

    def _wait(self, kind):
        """Returns when the kill is due, and what it turned out to strike. Rows trickle out all the while."""
        begun, due = time.monotonic(), self.chance.uniform(0, self.moment) if kind == "under load" else WATCH_SECONDS
        before = self._state_files()
        while (passed := time.monotonic() - begun) < due:
            self._let_out(min(1, passed / self.moment))
            if kind == "during a checkpoint" and not self._state_files() <= before:
                time.sleep(self.chance.uniform(0, INTO_CHECKPOINT_SECONDS))
                return kind
            time.sleep(PAUSE_SECONDS)
        return "under load"

    def _let_out(self, part):
        """Of the rows meant for this life so much. The last bit of the file is left for the time when the killing is over, so that no life finds the clients done."""
        for client in self.clients:
            client.let_out((sum(self.kills.values()) + part) / (self.lives + 1))

    def _state_files(self):
        """What a checkpoint writes lies in a folder called state, or in a generation's folder below it."""
        data = self.server.folder / "data"
        return {os.path.join(folder, file) for folder, _, files in os.walk(data) if "state" in pathlib.Path(folder).parts for file in files}


def main(arguments, folder, checks):
    print(f"seed {arguments.seed}, {arguments.kills:,} kills{', with corrections' if arguments.corrections else ''}", flush=True)
    chance = random.Random(arguments.seed)
    events = fraud.Events(arguments.shared, folder, arguments.rows)
    clients = shares(events, folder, arguments.seed, arguments.corrections)
    server = store.Store(arguments.program, folder, fraud.DEFINITIONS, port=store.free_port(chance))
    has_checkpoints = server.offers("--checkpoint-interval")
    if has_checkpoints:
        server.options += ["--checkpoint-interval", arguments.checkpoint_interval]
    if server.offers("--entity-idle"):
        server.options += ["--entity-idle", IDLE]
    server.options += store.REMEMBERS_ALL
    try:
        with server:
            begun = time.monotonic()
            killer = Killer(server, clients, chance, arguments, has_checkpoints)
            heights = torture(server, clients, killer, arguments, checks)
            settle(server, clients, killer, events, arguments, checks)
            compare(server, events, arguments, folder, checks)
            print_figures(killer, heights, clients, events, time.monotonic() - begun)
            server.stop()
    finally:
        for client in clients:
            client.stop()


def torture(server, clients, killer, arguments, checks):
    """All the kills; returns how many events history held after each that was looked at."""
    await_clients(server, clients)
    server.kill()
    progress = report.Progress("kills", arguments.kills)
    begun, heights = time.monotonic(), []
    for number in range(1, arguments.kills + 1):
        if time.monotonic() - begun > 60 * arguments.minutes:
            break

        def look(number=number):
            heights.append(server.history(fraud.STREAM))
            print(f"{number:,} kills, {heights[-1]:,} events in history, {time.monotonic() - begun:.0f} s", flush=True)

        killer.strike(look if number % max(3, arguments.kills // 10) == 0 else None)
        progress.at(number)
    progress.end()
    checks.equal("kills", sum(killer.kills.values()), arguments.kills)
    checks.that("no client gave up", all(client.running() for client in clients))
    checks.that("history never went back", heights == sorted(heights))
    return heights


def await_clients(server, clients):
    """A push asks for its stream's definition once, and not again and again: the first life lasts until each has got something in."""
    server.start()
    for client in clients:
        client.begin(server)
        client.let_out(BATCH / client.rows)
    deadline = time.monotonic() + store.READY_SECONDS
    while server.history(fraud.STREAM) < CLIENTS * BATCH * 0.9:
        if time.monotonic() > deadline:
            raise store.Failure(f"the clients did not get their first events in within {store.READY_SECONDS} s")


def settle(server, clients, killer, events, arguments, checks):
    """Lets the clients finish, and counts."""
    killer.survive()
    for client in clients:
        client.let_out(1.0)
    told = [client.end() for client in clients]
    answered = sum(one["accepted"] + one["duplicates"] + one["late"] for one in told)
    checks.equal("rows acknowledged to the clients", answered, sum(client.rows for client in clients))
    checks.equal("refused", sum(one["quarantined"] + one["unreadable"] for one in told), 0)
    checks.that("connections lost and found again", True, f"{sum(one['reconnects'] for one in told):,}")
    count(server, events, arguments, checks, "when all is acknowledged")
    pushes = [client.again(server) for client in clients]
    again = [json.loads(push.communicate()[0]) for push in pushes]
    checks.equal("pushed again, duplicates", sum(one["duplicates"] for one in again), sum(client.rows for client in clients))
    checks.equal("pushed again, anything else", sum(one["accepted"] + one["late"] + one["quarantined"] + one["unreadable"] for one in again), 0)
    server.kill()
    server.start()
    count(server, events, arguments, checks, "after one more kill")


def count(server, events, arguments, checks, when):
    held = server.history(fraud.STREAM)
    checks.that(f"events in history {when}", held == events.count, f"{held:,} of {events.count:,}: {max(0, events.count - held):,} lost, {max(0, held - events.count):,} doubled")
    if not arguments.corrections:
        records = server.records()
        checks.equal(f"records on disk {when}", records, fraud.ENTITY_TYPES * events.count)


def compare(server, events, arguments, folder, checks):
    """Every published value of the past, and every entity of the present."""
    out = folder / "training.csv"
    events.train(server, out)
    answered, cells = fraud.compare(arguments.shared, out, events.count)
    checks.equal("rows answered", answered, events.count)
    cells.check(checks, "features of every event against the published ones")
    live_cells(server, events).check(checks, "live features of every entity at the end of the stream")


def live_cells(server, events):
    """The features of all customers and terminals as of the last event, from live state, against sums made here from the file."""
    with events.open() as source:
        rows = list(csv.DictReader(line.decode("ascii") for line in source))
    now = instant(rows[-1]["event_time"])
    customers, terminals = collections.defaultdict(list), collections.defaultdict(list)
    for row in rows:
        age = (now - instant(row["event_time"])).total_seconds() / 86_400
        customers[row["customer_id"]].append((age, float(row["amount"])))
        terminals[row["terminal_id"]].append((age - 7, float(row["fraud"])))
    pairs = list(itertools.zip_longest(customers, terminals))
    cells = report.Cells()
    for start in range(0, len(pairs), LIVE_ROWS):
        part = [(customer or pairs[0][0], terminal or pairs[0][1]) for customer, terminal in pairs[start:start + LIVE_ROWS]]
        question = {"entities": [{"customer_id": int(customer), "terminal_id": int(terminal)} for customer, terminal in part], "as_of": rows[-1]["event_time"]}
        for (customer, terminal), found in zip(part, server.get(fraud.SERVICE, question)["rows"], strict=True):
            compare_live(cells, found["features"], "customer_spend", customer, customers[customer], ("nb_tx", "avg_amount", None))
            compare_live(cells, found["features"], "terminal_risk", terminal, terminals[terminal], ("nb_tx", "risk", 0))
    return cells


def compare_live(cells, found, view, key, history, names):
    number, mean, otherwise = names
    for days in (1, 7, 30):
        values = [value for age, value in history if 0 <= age < days]
        for name, expected in [(number, len(values)), (mean, sum(values) / len(values) if values else otherwise)]:
            value = found[f"{view}:{name}_{days}d"]
            holds = value == expected or (value is not None and expected is not None and abs(value - expected) <= fraud.TOLERANCE * max(1.0, abs(expected)))
            cells.add(holds, lambda: f"{view} {key}: {name}_{days}d is {value}, expected {expected}")


def instant(text):
    return datetime.datetime.strptime(text, corrections.TIME)


def print_figures(killer, heights, clients, events, seconds):
    def line(kind, times):
        ordered = sorted(times)
        return (kind, len(ordered), *(f"{value:.2f}" for value in (ordered[len(ordered) // 2], ordered[int(0.95 * (len(ordered) - 1))], ordered[-1])))

    times = {kind: found for kind, found in killer.ready.items() if found}
    report.table(["server ready again after a kill", "times", "median s", "p95 s", "max s"],
                 [line(kind, found) for kind, found in times.items()] + [line("all", [each for found in times.values() for each in found])])
    report.table(["kills", "number"], [*killer.kills.items(), ("all", sum(killer.kills.values()))])
    rows = sum(client.rows for client in clients)
    print(f"{events.count:,} events in {rows:,} rows from {CLIENTS} clients; history in the course of the kills: {', '.join(f'{height:,}' for height in heights)}; {seconds:.0f} s")


def parse():
    parser = report.options(argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter))
    parser.add_argument("--rows", type=report.rows_option, help="only the first N events (default: all 872,795)")
    parser.add_argument("--kills", type=report.rows_option, default=200, help="how often (default: 200)")
    parser.add_argument("--moment", type=float, default=1.0, metavar="SECONDS", help="a kill under load comes up to this long after the server was ready (default: 1)")
    parser.add_argument("--minutes", type=float, default=20, help="no more kills after so long, which then fails for their number (default: 20)")
    parser.add_argument("--checkpoint-interval", default=CHECKPOINT_INTERVAL, help=f"of the server, where the build has checkpoints (default: {CHECKPOINT_INTERVAL})")
    parser.add_argument("--corrections", action="store_true", help="mix in wrong, invented and missing events, and the upserts and deletes that put them right")
    parser.add_argument("--seed", type=int, default=20180401, help="of the moments, the rows and the mistakes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(report.run(main, parse()))
