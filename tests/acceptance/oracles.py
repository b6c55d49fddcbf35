#!/usr/bin/env python3
"""Real streams through the built program, and every feature against somebody else's answer.

  oracles.py fraud [--rows N]     the twelve features that the Fraud Detection Handbook's authors published, for every event
  oracles.py corrections [--rows N] [--seed N]
                                  the same twelve features, after a history full of mistakes and its corrections
  oracles.py asof [NAME ...]      as-of questions over fraud, flights, ooo, nexmark, stress (default: all five)
  oracles.py nexmark              the rows of NEXMark's queries 5, 7, 11, 16, 17, 18 and 19, from features
"""

import argparse
import hashlib
import pathlib
import sys

import asof
import corrections
import fraud
import nexmark
import report
import store


def check_fraud(arguments, folder, checks):
    print(f"preparing {'the whole file' if arguments.rows is None else f'the first {arguments.rows:,} rows'}", flush=True)
    events = fraud.Events(arguments.shared, folder, arguments.rows)
    with store.Store(arguments.program, folder, arguments.definitions, store.REMEMBERS_ALL) as server:
        server.start()
        first = events.push(server)
        checks.equal("accepted", first["accepted"], events.count)
        checks.equal("refused", first["quarantined"] + first["unreadable"] + first["late"] + first["duplicates"], 0)
        before = events.train_sample(server, folder / "sample_before.csv")
        second = events.push(server)
        checks.equal("pushed again, duplicates", second["duplicates"], events.count)
        checks.equal("pushed again, accepted or refused", second["accepted"] + second["quarantined"] + second["unreadable"] + second["late"], 0)
        checks.equal("events in history", server.history(fraud.STREAM), events.count)
        after = events.train_sample(server, folder / "sample_after.csv")
        checks.that("values of a sample unchanged, to the byte", before == after, f"sha256 {hashlib.sha256(after).hexdigest()[:16]}")
        out = folder / "training.csv"
        trained = events.train(server, out)
        answered, cells = fraud.compare(arguments.shared, out, events.count)
        checks.equal("rows answered", answered, events.count)
        cells.check(checks, "features against the published ones")
        memory = server.memory_mb()
        server.stop()
    report.table(["", "rows", "seconds", "rows/s"], [
        (name, events.count, told["seconds"], int(events.count / told["seconds"]))
        for name, told in [("push", first), ("push again", second), ("training", trained)]])
    print(f"most memory held by the server: {memory:,} MB")


def check_corrections(arguments, folder, checks):
    print(f"preparing mistakes, seed {arguments.seed}", flush=True)
    events = fraud.Events(arguments.shared, folder, arguments.rows)
    mistakes = corrections.Mistakes(events, folder, arguments.seed)
    with store.Store(arguments.program, folder, fraud.DEFINITIONS, store.REMEMBERS_ALL) as server:
        server.start()
        first = server.run("push", "--stream", fraud.STREAM, "--file", mistakes.first, *fraud.MAP)
        checks.equal("pushed with mistakes", first["accepted"] + first["late"], mistakes.pushed)
        second = server.run("push", "--stream", fraud.STREAM, "--file", mistakes.second, *fraud.MAP, "--map", "op=op")
        checks.equal("corrections taken", second["accepted"] + second["late"], mistakes.corrections)
        checks.equal("corrections pushed again change nothing", server.run("push", "--stream", fraud.STREAM, "--file", mistakes.second, *fraud.MAP, "--map", "op=op")["duplicates"], mistakes.corrections)
        out = folder / "training.csv"
        trained = events.train(server, out)
        answered, cells = fraud.compare(arguments.shared, out, events.count)
        checks.equal("rows answered", answered, events.count)
        cells.check(checks, "features against those published of the history without mistakes")
        before = events.train_sample(server, folder / "sample_before.csv")
        server.stop()
        server.start()
        checks.that("values of a sample unchanged by a restart, to the byte", before == events.train_sample(server, folder / "sample_after.csv"))
        server.stop()
    report.table(["", "rows", "seconds", "rows/s"], [
        (name, rows, told["seconds"], int(rows / told["seconds"]))
        for name, rows, told in [("push with mistakes", mistakes.pushed, first), ("corrections", mistakes.corrections, second), ("training", events.count, trained)]])


def check_asof(arguments, folder, checks):
    lines = []
    for name in arguments.names or asof.DATA_SETS:
        lines += asof.check(asof.DATA_SETS[name], arguments.program, arguments.shared, folder, checks, arguments.policy)
    if not lines:
        raise store.Failure(f"no question of these data sets is asked under {' or '.join(arguments.policy)}")
    report.table(["data set", "lines pushed", "push s", "questions", "cells", "wrong", "training s"], lines)


def check_nexmark(arguments, folder, checks):
    nexmark.check(arguments.program, arguments.shared, folder, checks, arguments.definitions)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_subparsers(required=True, metavar="fraud|corrections|asof|nexmark")
    one = report.options(which.add_parser("fraud", help="the published features of every card transaction"))
    one.add_argument("--rows", type=report.rows_option, help="only the first N events (default: all 872,795)")
    one.add_argument("--definitions", type=pathlib.Path, default=fraud.DEFINITIONS, metavar="DIR", help="other definitions of the same twelve features (default: definitions/fraud)")
    one.set_defaults(script=check_fraud)
    corrected = report.options(which.add_parser("corrections", help="the published features after mistakes and their corrections"))
    corrected.add_argument("--rows", type=report.rows_option, help="only the first N events (default: all 872,795)")
    corrected.add_argument("--seed", type=int, default=1, help="of the mistakes (default: 1)")
    corrected.set_defaults(script=check_corrections)
    other = report.options(which.add_parser("asof", help="as-of oracles of five streams"))
    other.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(asof.DATA_SETS)} (default: all)")
    other.add_argument("--policy", action="append", choices=["final", "online", "all", "drop_late"], help="only the questions of this policy; may be repeated (default: all of them)")
    other.set_defaults(script=check_asof)
    third = report.options(which.add_parser("nexmark", help="queries of the NEXMark benchmark, from features alone"))
    third.add_argument("--definitions", type=pathlib.Path, default=nexmark.DEFINITIONS, metavar="DIR", help="other definitions of the same features (default: definitions/nexmark)")
    third.set_defaults(script=check_nexmark)
    arguments = parser.parse_args()
    unknown = [name for name in getattr(arguments, "names", []) if name not in asof.DATA_SETS]
    if unknown:
        parser.error(f"no data set '{unknown[0]}'; there are {', '.join(asof.DATA_SETS)}")
    return arguments


if __name__ == "__main__":
    chosen = parse()
    sys.exit(report.run(chosen.script, chosen))
