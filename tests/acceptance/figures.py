"""What one silo and three silos do beside the embedded server, on the same data, in the same run, on the same machine, clients included.

    events/s     the fraud file in three parts by three clients at once, from the first push until everything is acknowledged and readable
    lookups/s    clients that ask again as soon as they are answered, each for both entities of a transaction (the twelve features); p50 and p99 of one lookup
    CPU          of the server or of all silos, per event and per lookup: what a rate on a machine shared with its clients does not say
    idle bytes   resident memory of the processes, before and after so many customers of one event each, once nothing more comes; and what the store itself counts
    in process   of the calls that brought events to entities, the share that stayed in the silo that had read them from the log
"""

import datetime
import json
import os
import pathlib
import subprocess
import time
import urllib.request

import fraud
import report
import silos
import soak
import store

CLIENTS = 3
SETTLED_SECONDS = 120
IDLE_WARM_UP = 20_000
TICKS = os.sysconf("SC_CLK_TCK")

# Resident memory is read when it has not moved by more than this for three looks.
RESIDENT_STILL_MB = 4
LOOK_SECONDS = 1.0

# Counters of a silo's /metrics: batches that entities took, in the silo of their partition and in another.
DELIVERED_HERE, DELIVERED_ELSEWHERE = "orleansfeatures_deliveries_local_total", "orleansfeatures_deliveries_elsewhere_total"


class Embedded(store.Store):
    """The embedded server, asked as a cluster is: pushes come from as many clients."""

    def running(self):
        return [self]

    def any(self):
        return self


def run(arguments, folder, checks):
    if not os.access(arguments.benchmarks, os.X_OK):
        raise store.Failure(f"{arguments.benchmarks} is not there: dotnet build tests/OrleansFeatures.Benchmarks -c Release, or name it with --benchmarks")
    events = fraud.Events(arguments.shared, folder, arguments.rows)
    idle = write_idle(folder, arguments)
    rows = []
    with silos.Services(arguments.seed) as services:
        for name, size in [("embedded", 0), ("1 silo", 1), ("3 silos", 3)]:
            def opened(definitions, part, size=size, name=name):
                place = folder / f"{name}-{part}".replace(" ", "-")
                place.mkdir()
                return Embedded(arguments.program, place, definitions) if size == 0 else silos.Cluster(services, arguments.silo, arguments.program, place, definitions, (), size)

            row = {"edition": name}
            with opened(fraud.DEFINITIONS, "traffic") as server:
                server.start()
                row |= traffic(server, events, folder, arguments, checks)
                server.stop()
            with opened(folder / "idle", "idle") as server:
                server.start()
                row |= memory(server, idle, folder, arguments)
                server.stop()
            rows.append(row)
            print(f"      {name}: {json.dumps(row)}", flush=True)
    show(rows)
    if arguments.output:
        arguments.output.write_text(json.dumps({"rows": arguments.rows, "idle_entities": arguments.idle, "clients": arguments.clients, "editions": rows}, indent=1))


def show(rows):
    report.table(["", "events/s", "CPU us/event", "lookups/s", "p50 ms", "p99 ms", "CPU us/lookup", "bytes/idle entity", "own count", "in process %"],
                 [(row["edition"], round(row["events_per_second"]), row["cpu_us_per_event"], round(row["lookups_per_second"]), f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}", row["cpu_us_per_lookup"],
                   round(row["resident_bytes_per_idle_entity"]), round(row["counted_bytes_per_idle_entity"]), "" if row["in_process_percent"] is None else f"{row['in_process_percent']:.2f}") for row in rows])


def traffic(server, events, folder, arguments, checks):
    """Pushes, then lookups."""
    parts = split(events, folder)
    used, begun = cpu_seconds(server), time.monotonic()
    push(server, parts, fraud.STREAM, fraud.MAP, events.count, checks)
    settle(server)
    took, pushed_cpu = time.monotonic() - begun, cpu_seconds(server) - used
    used = cpu_seconds(server)
    asked = lookups(server, events, arguments)
    checks.equal("lookups refused", asked["errors"], 0)
    return {
        "events": events.count, "events_per_second": events.count / took, "cpu_us_per_event": 1e6 * pushed_cpu / events.count,
        **{name: asked[name] for name in ("lookups_per_second", "p50_ms", "p99_ms")},
        # The client warms up for two seconds at about the same rate, which count as well.
        "cpu_us_per_lookup": 1e6 * (cpu_seconds(server) - used) / (asked["lookups_per_second"] * (arguments.seconds + 2)),
        "in_process_percent": in_process(server),
    }


def split(events, folder):
    with events.open() as source:
        header, *lines = source.readlines()
    paths = [folder / f"part-{number}.csv" for number in range(CLIENTS)]
    for number, path in enumerate(paths):
        path.write_bytes(b"".join([header, *lines[number::CLIENTS]]))
    return paths


def push(server, paths, stream, options, count, checks=None):
    running = server.running()
    clients = [running[number % len(running)].begin("push", "--stream", stream, "--file", path, *options, stderr=subprocess.PIPE) for number, path in enumerate(paths)]
    told = [client.communicate() for client in clients]
    if any(client.returncode != 0 for client in clients):
        raise store.Failure(f"a push failed: {told}")
    accepted = sum(json.loads(out)["accepted"] + json.loads(out)["late"] for out, _ in told)
    if checks:
        checks.equal("accepted", accepted, count)


def settle(server):
    """Ends when every partition has applied all that is durable: then any read sees every event."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while any(partition["applied_offset"] < partition["durable_offset"] for partition in server.any().run("status")["partitions"]):
        if time.monotonic() > deadline:
            raise store.Failure(f"not everything was readable after {SETTLED_SECONDS} s")


def lookups(server, events, arguments):
    with events.open() as source:
        for line in source:
            last = line
    at = datetime.datetime.strptime(last.decode("ascii").split(",")[fraud.EVENT_TIME], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    command = [arguments.benchmarks, "lookups", "--servers", ",".join(silo.grpc for silo in server.running()), "--clients", str(arguments.clients), "--seconds", str(arguments.seconds), "--as-of-micros", str(int(at.timestamp()) * 1_000_000)]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise store.Failure(f"{command}: exit code {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return json.loads(done.stdout.splitlines()[-1])


def write_idle(folder, arguments):
    """Definitions of soak.py, and one event for each of many customers: a few to warm the processes up, then the rest, in as many parts as there are clients."""
    (folder / "idle").mkdir()
    (folder / "idle" / "idle.yaml").write_text(soak.DEFINITIONS, encoding="ascii")
    lines = [f'{{"id":{number},"at":"{soak.stamp(number // 1_000)}","customer":{number},"amount":{number % 100}}}\n' for number in range(IDLE_WARM_UP + arguments.idle)]
    files = []
    for name, share in [("warm", lines[:IDLE_WARM_UP]), ("rest", lines[IDLE_WARM_UP:])]:
        paths = [folder / f"idle-{name}-{number}.jsonl" for number in range(CLIENTS)]
        for number, path in enumerate(paths):
            path.write_text("".join(share[number::CLIENTS]), encoding="ascii")
        files.append(paths)
    return files


def memory(server, idle, folder, arguments):
    warm, rest = idle
    push(server, warm, soak.STREAM, [], IDLE_WARM_UP)
    settle(server)
    before, counted = still(server), held(server)
    push(server, rest, soak.STREAM, [], arguments.idle)
    settle(server)
    return {"resident_bytes_per_idle_entity": (still(server) - before) * 1_048_576 / arguments.idle, "counted_bytes_per_idle_entity": (held(server) - counted) / arguments.idle}


def held(server):
    use = server.any().run("status")["memory"]
    return use["row_bytes"] + use["text_bytes"] + use["summary_bytes"] + use["entity_overhead_bytes"]


def still(server):
    """Resident memory of all processes, in MB, once it does not move any more."""
    looks = []
    deadline = time.monotonic() + SETTLED_SECONDS
    while len(looks) < 3 or max(looks[-3:]) - min(looks[-3:]) > RESIDENT_STILL_MB:
        looks.append(sum(resident_mb(one.process.pid) for one in server.running()))
        if time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    return looks[-1]


def resident_mb(pid):
    return next(int(line.split()[1]) / 1_024 for line in open(f"/proc/{pid}/status", encoding="ascii") if line.startswith("VmRSS:"))


def cpu_seconds(server):
    """Of all its processes so far, user and system; PostgreSQL's are not counted."""
    fields = [open(f"/proc/{one.process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split() for one in server.running()]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS


def in_process(server):
    """From the silos' own counters; None where there are none."""
    counts = {DELIVERED_HERE: 0.0, DELIVERED_ELSEWHERE: 0.0}
    for one in server.running():
        try:
            with urllib.request.urlopen(f"{one.http}/metrics", timeout=10) as answer:
                words = [line.split() for line in answer.read().decode().splitlines()]
        except OSError:
            return None
        for word in words:
            if len(word) == 2 and word[0] in counts:
                counts[word[0]] += float(word[1])
    return 100 * counts[DELIVERED_HERE] / sum(counts.values()) if sum(counts.values()) else None


def options(parser):
    parser.add_argument("--rows", type=report.rows_option, default=200_000, help="events of the fraud file (default: 200,000)")
    parser.add_argument("--clients", type=report.rows_option, default=48, help="that look up (default: 48)")
    parser.add_argument("--seconds", type=report.rows_option, default=10, help="how long they do (default: 10)")
    parser.add_argument("--idle", type=report.rows_option, default=200_000, help="customers of one event each (default: 200,000)")
    parser.add_argument("--benchmarks", type=pathlib.Path, default=store.ROOT / "artifacts" / "bin" / "OrleansFeatures.Benchmarks" / "release" / "OrleansFeatures.Benchmarks",
                        help="the built benchmarks, whose client looks up (default: the release build of this tree)")
