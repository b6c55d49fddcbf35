#!/usr/bin/env python3
"""kill -9 in the middle of a push, again and again: nothing acknowledged is lost, nothing is doubled, every value is the oracle's.

Each round starts the server, feeds a push through its standard input, and kills the server when a seeded number of rows has been fed and
a seeded moment has passed. Then it starts it again and asks what history holds. In the end the file is pushed from its first row to its last.
"""

import argparse
import itertools
import json
import random
import subprocess
import sys
import time

import fraud
import report
import store

UNREACHABLE = 3


class Round:
    """One push that is cut off: rows fed before the kill, and what the push had been told by then."""

    def __init__(self, server, events, fed_max, moment):
        self.fed = 0
        self.server = server
        push = server.begin("push", "--stream", fraud.STREAM, "--file", "-", "--format", "csv", "--retry", "0", *fraud.MAP, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self._feed(push.stdin, events, fed_max)
        except BrokenPipeError:
            pass  # It ended by itself; its exit code is judged below.
        time.sleep(moment)
        server.kill()
        out, err = self._end(push)
        if push.returncode != UNREACHABLE:
            raise store.Failure(f"push ended with exit code {push.returncode} when its server was killed, expected {UNREACHABLE}:\n{err}")
        # A push that had not come as far as opening its stream has nothing to tell.
        told = json.loads(out) if out.strip() else {"accepted": 0, "duplicates": 0, "late": 0}
        self.acknowledged = told["accepted"] + told["duplicates"] + told["late"]

    def _feed(self, pipe, events, fed_max):
        with events.open() as source:
            pipe.write(next(source))
            for line in itertools.islice(source, fed_max):
                pipe.write(line)
                self.fed += 1
        pipe.flush()

    @staticmethod
    def _end(push):
        try:
            push.stdin.close()
        except BrokenPipeError:
            pass  # It ended with rows of ours still in the pipe.
        push.stdin = None
        try:
            out, err = push.communicate(timeout=store.STOP_SECONDS)
        except subprocess.TimeoutExpired:
            push.kill()
            raise store.Failure(f"push did not end within {store.STOP_SECONDS} s of its server's death") from None
        return out, err.decode(errors="replace")


def main(arguments, folder, checks):
    chance = random.Random(arguments.seed)
    print(f"seed {arguments.seed}")
    events = fraud.Events(arguments.shared, folder, arguments.rows)
    with store.Store(arguments.program, folder, fraud.DEFINITIONS, store.REMEMBERS_ALL) as server:
        server.start()
        rounds = []
        held = 0
        for number in range(1, arguments.kills + 1):
            # Each round reaches further into the file, so that every kill meets events the store has not seen.
            share = (number - 1 + chance.random()) / arguments.kills
            cut = Round(server, events, max(1, int(events.count * share)), chance.uniform(0, arguments.moment))
            ready = server.start()
            before, held = held, server.history(fraud.STREAM)
            rounds.append((number, cut.fed, cut.acknowledged, held, ready))
            checks.that(f"kill {number}", max(before, cut.acknowledged) <= held <= max(before, cut.fed),
                        f"{cut.fed:,} rows fed, {cut.acknowledged:,} acknowledged, {held:,} in history after the restart, ready in {ready:.2f} s")
        checks.that("some kill struck in the middle", any(0 < history < events.count for _, _, _, history, _ in rounds))
        finish(server, events, folder, checks, arguments, held)
    report.table(["kill", "rows fed", "acknowledged", "in history", "ready s"], [(str(row[0]), *row[1:4], f"{row[4]:.2f}") for row in rounds])


def finish(server, events, folder, checks, arguments, held):
    told = events.push(server)
    checks.equal("pushed again from the start, accepted", told["accepted"], events.count - held)
    checks.equal("pushed again from the start, duplicates", told["duplicates"], held)
    checks.equal("refused", told["quarantined"] + told["unreadable"] + told["late"], 0)
    server.kill()
    ready = server.start()
    checks.that("killed once more when all was acknowledged", True, f"ready in {ready:.2f} s")
    checks.equal("events in history", server.history(fraud.STREAM), events.count)
    checks.equal("records on disk", server.records(), fraud.ENTITY_TYPES * events.count)
    out = folder / "training.csv"
    events.train(server, out)
    answered, cells = fraud.compare(arguments.shared, out, events.count)
    checks.equal("rows answered", answered, events.count)
    cells.check(checks, "features against the published ones")
    server.stop()


def parse():
    parser = report.options(argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter))
    parser.add_argument("--rows", type=report.rows_option, help="only the first N events (default: all 872,795)")
    parser.add_argument("--kills", type=report.rows_option, default=5, help="how often (default: 5)")
    parser.add_argument("--moment", type=float, default=0.3, metavar="SECONDS", help="a kill comes up to this long after its last row was fed (default: 0.3)")
    parser.add_argument("--seed", type=int, default=20180401, help="of the rows and moments")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(report.run(main, parse()))
