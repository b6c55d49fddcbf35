#!/usr/bin/env python3
"""The cluster edition as processes: silos on loopback over a PostgreSQL and a Redis of their own, both started here.

  cluster.py oracle     real streams through the gateways of three silos at once, and every value against somebody else's answer
  cluster.py chaos      three silos under load; one is killed, one is added, one is told to end, one is rolled to the next build: nothing acknowledged is lost, nothing counts twice
  cluster.py figures    what a silo can do, one and three of them, beside the embedded server in the same run
"""

import argparse
import pathlib
import sys

import asof
import chaos
import figures
import fraud
import report
import silos
import store
import torture

SILOS = 3

# The passes of asof.py in the order in which they are quickest to understand when they fail. Where lateness or arrival decides, the order of the lines matters, and the gateways take turns.
STRESS_POLICIES = ("all", "drop_late", "online")


def check_oracles(arguments, folder, checks):
    with silos.Services(arguments.seed) as services:
        answered = {}
        if "fraud" in arguments.sets:
            check_fraud(arguments, services, folder, checks, answered)
        if "stress" in arguments.sets:
            check_stress(arguments, services, folder, checks, answered)
        checks.that("every silo answered", len(answered) >= SILOS and all(answered.values()), ", ".join(f"{name} {count:,} commands" for name, count in sorted(answered.items())))


def check_fraud(arguments, services, folder, checks, answered):
    """Every event through two of the gateways at about the same time; every published feature, from training and from live state; and again when all silos have been restarted."""
    print(f"--- fraud, {'the whole file' if arguments.rows is None else f'the first {arguments.rows:,} rows'}, every event through two of {SILOS} gateways", flush=True)
    events = fraud.Events(arguments.shared, folder, arguments.rows)
    with silos.Cluster(services, arguments.silo, arguments.program, folder, fraud.DEFINITIONS, store.REMEMBERS_ALL, SILOS) as cluster:
        cluster.doubled = True
        ready = cluster.start()
        checks.that(f"{SILOS} silos ready", True, f"{ready:.1f} s")
        told = events.push(cluster)
        checks.equal("accepted", told["accepted"] + told["late"], events.count)
        checks.equal("duplicates", told["duplicates"], events.count)
        checks.equal("refused", told["quarantined"] + told["unreadable"], 0)
        checks.equal("events in history", cluster.history(fraud.STREAM), events.count)
        compare_fraud(arguments, events, cluster, folder, checks, "")
        cluster.stop()
        for silo in cluster.silos:
            silo.launch()
        for silo in cluster.silos:
            cluster.await_ready(silo)
        compare_fraud(arguments, events, cluster, folder, checks, ", all silos restarted")
        count(cluster, answered)
        cluster.stop()
    report.table(["fraud", "rows", "events/s, each twice"], [("pushed", told["accepted"] + told["duplicates"], events.count / told["seconds"])])


def compare_fraud(arguments, events, cluster, folder, checks, when):
    out = folder / "training.csv"
    events.train(cluster, out)
    rows, cells = fraud.compare(arguments.shared, out, events.count)
    checks.equal(f"rows answered{when}", rows, events.count)
    cells.check(checks, f"features of every event against the published ones{when}")
    torture.live_cells(cluster, events).check(checks, f"live features of every entity at the end of the stream{when}")


def check_stress(arguments, services, folder, checks, answered):
    opened = []

    def open_cluster(program, folder, definitions, one):
        options = ["--backfill-producers", "*"] if one.arrival else []
        cluster = silos.Cluster(services, arguments.silo, program, folder, definitions, options, SILOS)
        cluster.in_order = one.lateness is not None
        opened.append(cluster)
        return cluster

    lines = asof.check(asof.DATA_SETS["stress"], arguments.program, arguments.shared, folder, checks, arguments.policies, open_cluster)
    for cluster in opened:
        count(cluster, answered)
    report.table(["data and policies", "lines", "push s", "questions", "cells", "wrong", "training s"], lines)


def count(cluster, answered):
    for silo in cluster.silos:
        answered[silo.name] = answered.get(silo.name, 0) + silo.asked


def main(arguments, folder, checks):
    missing = silos.why_not(arguments.silo)
    if missing:
        raise store.Failure(missing)
    if arguments.mode == "oracle":
        check_oracles(arguments, folder, checks)
    elif arguments.mode == "chaos":
        chaos.run(arguments, folder, checks)
    else:
        figures.run(arguments, folder, checks)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    for mode, about in [("oracle", "values against other people's answers"), ("chaos", "silos come and go under load"), ("figures", "events and lookups a second, latencies, memory")]:
        own = report.options(modes.add_parser(mode, help=about, description=about))
        own.add_argument("--silo", type=pathlib.Path, default=silos.built_silo(), help="the built orleans-features-silo (default: the release build of this tree)")
        own.add_argument("--seed", type=int, default=20180501, help="of ports, loads and moments")
        own.add_argument("--output", type=pathlib.Path, help="a file for the figures as JSON")
        {"oracle": oracle_options, "chaos": chaos.options, "figures": figures.options}[mode](own)
    return parser.parse_args()


def oracle_options(parser):
    parser.add_argument("--rows", type=report.rows_option, default=100_000, help="of the fraud file, the first N events (default: 100,000)")
    parser.add_argument("--sets", type=lambda text: text.split(","), default=["fraud", "stress"], help="fraud, stress or both (default: fraud,stress)")
    parser.add_argument("--policies", type=lambda text: text.split(","), default=list(STRESS_POLICIES), help="of the stress stream (default: all,drop_late,online)")


if __name__ == "__main__":
    sys.exit(report.run(main, parse()))
