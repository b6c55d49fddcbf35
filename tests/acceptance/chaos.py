"""Silos come and go under load, and a naive model of what was acknowledged says what every customer must have in the end.

    load     pushers (closed loop, a batch until it is acknowledged, whatever that takes) ── each owns its customers, so it knows their counts
             token reads (a pusher asks another silo with the token of its push: exactly what was acknowledged, no more and no less)
             lookups (open loop: asked when they are due, however slow the last one was; latency counts from when it was due)
             probes (customers of every partition in one question, over and over: an answer means that every partition answers)
    clients  do as a load balancer does: they ask silos that say that they are ready, and one that fails to answer is asked again elsewhere
    phases   baseline, SIGKILL, one added, SIGTERM, one added, one rolled to the next build, and, where that is another build, back

Each kind of load is a process of its own, so that one does not slow another; what they saw they write down, and here it is told apart by phase.
"""

import collections
import http.client
import itertools
import json
import multiprocessing
import pathlib
import random
import signal
import sys
import threading
import time
import urllib.parse

import report
import silos
import store

STREAM, SERVICE = "payments", "payments"

DEFINITIONS = """
apiVersion: orleansfeatures/v1
streams:
  - name: payments
    event_id: id
    event_time: at
    fields: {id: int64, at: timestamp, customer: int64, amount: double}
entities:
  - {name: customer, key: [customer]}
feature_views:
  - name: spend
    entity: customer
    stream: payments
    features:
      - {name: n, aggregate: count, window: lifetime}
      - {name: total, aggregate: sum(amount), window: lifetime}
      - {name: n_1h, aggregate: count, window: 1h}
      - {name: max_1h, aggregate: max(amount), window: 1h}
feature_services:
  - {name: payments, features: ["spend:*"]}
"""

PARTITIONS = 64
PUSHERS = 4
BATCH = 25

# Customers of each partition that are probed; those are pushed to one by one in the beginning, because the token of such a push says the partition.
PROBED_PER_PARTITION = 2

# A probe that takes longer than this counts as unanswered: some entity kept it waiting.
PROBE_SLOW_MS = 500.0
PROBE_EVERY_SECONDS = 0.05
AFTERWARDS_SECONDS = 3.0
READY_EVERY_SECONDS = 0.1
TIMEOUT_SECONDS = 10.0

# A lookup is tried so often in all, each time at another silo.
TRIES = 3
LOOKUP_THREADS = 24
TOKEN_READ_EVERY = 3

Action = collections.namedtuple("Action", "name run")


class Balancer:
    """The silos that say that they are ready, as a load balancer's probes would have it. A client that meets a dead one tells it at once."""

    def __init__(self, known):
        self._known, self._ready, self._lock, self._local = known, [], threading.Lock(), threading.local()
        self._turn = itertools.count(random.randrange(1_000))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def pick(self, but=None):
        """The next ready silo, another than `but` where there is one."""
        while True:
            with self._lock:
                choice = [address for address in self._ready if address != but] or self._ready
            if choice:
                return choice[next(self._turn) % len(choice)]
            time.sleep(READY_EVERY_SECONDS / 10)

    def ask(self, address, method, path, body=None):
        """(status, document); status 0 when the connection failed."""
        connections = self._local.__dict__.setdefault("connections", {})
        connection = connections.get(address) or http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=TIMEOUT_SECONDS)
        connections[address] = connection
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as failure:
            connection.close()
            del connections[address]
            self._drop(address)
            return 0, str(failure).encode()

    def stop(self):
        self._ended.set()
        self._thread.join()

    def _drop(self, address):
        with self._lock:
            self._ready = [other for other in self._ready if other != address]

    def _watch(self):
        while not self._ended.is_set():
            ready = [address for address in json.loads(bytes(self._known[:]).rstrip(b"\0") or b"[]") if self._is_ready(address)]
            with self._lock:
                self._ready = ready
            self._ended.wait(READY_EVERY_SECONDS)

    @staticmethod
    def _is_ready(address):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=1)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def pusher(number, known, stop, out, arguments, seeded):
    """Pushes until it is told to stop, each batch until it is acknowledged; `seeded` are the counts that its customers begin with."""
    balancer, draw = Balancer(known), random.Random(f"{arguments.seed}/{number}")
    own = [customer for customer in range(arguments.customers) if customer % PUSHERS == number]
    model = {customer: seeded.get(customer, [0, 0.0]) for customer in own}
    pushes, reads, ids = [], [], itertools.count((number + 1) * 1_000_000_000)
    due = time.monotonic()
    for turn in itertools.count():
        if stop.is_set():
            break
        events = [{"id": next(ids), "at": now(), "customer": draw.choice(own), "amount": draw.randrange(1, 400) / 4} for _ in range(BATCH)]
        silo, answer = acknowledge(balancer, events, pushes)
        for event in events:
            model[event["customer"]][0] += 1
            model[event["customer"]][1] += event["amount"]
        if turn % TOKEN_READ_EVERY == 0:
            reads.append(token_read(balancer, silo, answer["token"], events[0]["customer"], model))
        due = max(due + BATCH * PUSHERS / arguments.rate, time.monotonic() - 1)
        stop.wait(max(0, due - time.monotonic()))
    balancer.stop()
    json.dump({"pushes": pushes, "token_reads": reads, "model": model, "acknowledged": sum(count for count, _ in model.values())}, open(out, "w", encoding="ascii"))


def acknowledge(balancer, events, pushes):
    """Pushes until it is acknowledged. Notes every try: (begun, milliseconds, whether it was)."""
    body, silo = json.dumps(events).encode(), None
    while True:
        silo, begun = balancer.pick(but=silo), time.monotonic()
        status, answer = balancer.ask(silo, "POST", f"/events/v1/{STREAM}?producer=chaos", body)
        pushes.append((begun, 1_000 * (time.monotonic() - begun), status))
        if status == 200:
            told = json.loads(answer)
            if told["quarantined"]:
                raise store.Failure(f"events were refused: {told['results'][:3]}")
            return silo, told
        time.sleep(0.02)


def token_read(balancer, pushed_to, token, customer, model):
    """(begun, milliseconds, whether it was answered, whether the answer was exactly what had been acknowledged)."""
    begun = time.monotonic()
    question = json.dumps({"entities": [{"customer": customer}], "min_token": token}).encode()
    for _ in range(TRIES):
        silo = balancer.pick(but=pushed_to)
        status, answer = balancer.ask(silo, "POST", f"/features/v1/{SERVICE}:get", question)
        if status == 200:
            features = json.loads(answer)["rows"][0]["features"]
            return begun, 1_000 * (time.monotonic() - begun), 200, [features["spend:n"], features["spend:total"]] == model[customer]
        pushed_to = silo
    return begun, 1_000 * (time.monotonic() - begun), status, True


def reader(known, stop, out, arguments):
    """Lookups at a constant rate, whatever becomes of them: (due, milliseconds from then, status of the first try, status in the end)."""
    balancer, seen, lock = Balancer(known), [], threading.Lock()
    begun, numbers = time.monotonic(), itertools.count()

    def work():
        draw = random.Random(threading.get_ident())
        while not stop.is_set():
            with lock:
                due = begun + next(numbers) / arguments.lookups
            if stop.wait(max(0, due - time.monotonic())):
                return
            question, silo, statuses = json.dumps({"entities": [{"customer": draw.randrange(arguments.customers)} for _ in range(4)]}).encode(), None, []
            while len(statuses) < TRIES and 200 not in statuses:
                silo = balancer.pick(but=silo)
                statuses.append(balancer.ask(silo, "POST", f"/features/v1/{SERVICE}:get", question)[0])
            seen.append((due, 1_000 * (time.monotonic() - due), statuses[0], statuses[-1]))

    run_threads(work, LOOKUP_THREADS)
    balancer.stop()
    json.dump(seen, open(out, "w", encoding="ascii"))


def prober(known, stop, out, customers):
    """Asks about customers of all partitions in one question, over and over: (begun, milliseconds, status)."""
    balancer, seen = Balancer(known), []
    question = json.dumps({"entities": [{"customer": customer} for customer in customers]}).encode()

    def work():
        while not stop.wait(PROBE_EVERY_SECONDS):
            silo, begun = balancer.pick(), time.monotonic()
            status, _ = balancer.ask(silo, "POST", f"/features/v1/{SERVICE}:get", question)
            seen.append((begun, 1_000 * (time.monotonic() - begun), status))

    run_threads(work, 2)
    balancer.stop()
    json.dump(seen, open(out, "w", encoding="ascii"))


def run_threads(work, count):
    # Latencies are of the order of a millisecond; the interpreter's turns are five unless it is told otherwise.
    sys.setswitchinterval(0.0005)
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def now():
    seconds = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1_000) % 1_000:03d}Z"


class Load:
    """The four processes of pushers, the lookups and the probes."""

    def __init__(self, folder, arguments, cluster):
        self.folder, self.arguments, self.cluster = folder, arguments, cluster
        self.known, self._stop, self._context = multiprocessing.Array("c", 4_096), multiprocessing.Event(), multiprocessing.get_context("fork")
        self._processes = []

    def tell(self):
        """Lets clients know which silos there are."""
        text = json.dumps([silo.http for silo in self.cluster.running() if silo.http]).encode()
        with self.known.get_lock():
            self.known[:] = text.ljust(4_096, b"\0")

    def start(self, seeded, probed):
        self._begin(reader, self.folder / "lookups.json", self.arguments)
        self._begin(prober, self.folder / "probes.json", probed)
        for number in range(PUSHERS):
            process = self._context.Process(target=pusher, args=(number, self.known, self._stop, self.folder / f"pusher-{number}.json", self.arguments, seeded))
            self._processes.append(process)
            process.start()

    def finish(self):
        """What they saw."""
        self._stop.set()
        for process in self._processes:
            process.join(120)
            if process.exitcode != 0:
                raise store.Failure(f"a client ended with {process.exitcode}: an event could not be acknowledged within two minutes, or was refused")
        told = [json.load(open(self.folder / f"pusher-{number}.json", encoding="ascii")) for number in range(PUSHERS)]
        return told, *(json.load(open(self.folder / f"{name}.json", encoding="ascii")) for name in ("lookups", "probes"))

    def kill(self):
        for process in self._processes:
            if process.is_alive():
                process.kill()

    def _begin(self, what, out, extra):
        process = self._context.Process(target=what, args=(self.known, self._stop, out, extra))
        self._processes.append(process)
        process.start()


def run(arguments, folder, checks):
    definitions = folder / "definitions"
    definitions.mkdir()
    (definitions / "payments.yaml").write_text(DEFINITIONS, encoding="ascii")
    print(f"seed {arguments.seed}: {arguments.rate:,} events/s of {arguments.customers:,} customers, {arguments.lookups:,} lookups/s, {arguments.phase:g} s a phase", flush=True)
    with silos.Services(arguments.seed) as services:
        options = ["--checkpoint-interval", arguments.checkpoint_interval, "--entity-idle", arguments.entity_idle]
        with silos.Cluster(services, arguments.silo, arguments.program, folder, definitions, options) as cluster:
            checks.that("three silos ready", True, f"{cluster.start():.1f} s")
            load = Load(folder, arguments, cluster)
            load.tell()
            try:
                seeded, probed = seed_probes(load, arguments)
                checks.that("customers of every partition are probed", len(probed) >= PARTITIONS, f"{len(probed):,} customers, {sum(count for count, _ in seeded.values()):,} events pushed to find them")
                load.start(seeded, probed)
                phases = go_through(cluster, load, arguments)
                told, lookups, probes = load.finish()
            finally:
                load.kill()
            judge(cluster, told, checks)
            rows = table(phases, told, lookups, probes, checks)
            cluster.stop()
    if arguments.output:
        arguments.output.write_text(json.dumps({"arguments": {"rate": arguments.rate, "lookups": arguments.lookups, "customers": arguments.customers, "phase_seconds": arguments.phase}, "phases": rows}, indent=1))


def seed_probes(load, arguments):
    """One event each for customers in turn, until some of every partition are known: (counts by customer, those to probe)."""
    balancer, found, seeded = Balancer(load.known), collections.defaultdict(list), {}
    for customer in range(arguments.customers):
        event = {"id": customer, "at": now(), "customer": customer, "amount": 0.25}
        _, told = acknowledge(balancer, [event], [])
        seeded[customer] = [1, 0.25]
        found[told["token"]["partitions"][0]].append(customer)
        if len(found) == PARTITIONS and all(len(customers) >= PROBED_PER_PARTITION for customers in found.values()):
            break
    balancer.stop()
    return seeded, [customer for customers in found.values() for customer in customers[:PROBED_PER_PARTITION]]


def go_through(cluster, load, arguments):
    """The phases: [name, begun, seconds that the action itself took]."""
    first, second, third = cluster.running()

    def kill():
        second.kill()
        load.tell()

    def add(program=None):
        silo = cluster.launch(program)
        cluster.await_ready(silo)
        load.tell()

    def end():
        third.stop()
        load.tell()

    def roll():
        # As a rolling update does: the new one is ready before the old one is told to end.
        add(arguments.next and arguments.next / "orleans-features-silo")
        first.stop()
        load.tell()

    def roll_back():
        # What the next build has written is read by the one before it.
        add()
        next(silo for silo in cluster.running() if silo.silo_program != pathlib.Path(cluster.silo_program)).stop()
        load.tell()

    actions = [Action("baseline", lambda: None), Action("SIGKILL", kill), Action("one added", add), Action("SIGTERM", end), Action("another added", add), Action("rolled to next", roll)]
    if arguments.next:
        actions.append(Action("rolled back", roll_back))
    phases = []
    for action in actions:
        begun = time.monotonic()
        action.run()
        took = time.monotonic() - begun
        phases.append([action.name, begun, took])
        print(f"      {action.name}: {took:.1f} s", flush=True)
        time.sleep(max(arguments.phase - took, arguments.phase / 2))
    phases.append(["end", time.monotonic(), 0.0])

    # What the last phase left unanswered may still be answered.
    time.sleep(AFTERWARDS_SECONDS)
    return phases


def judge(cluster, told, checks):
    """Every customer has exactly what was acknowledged, whichever silo is asked."""
    model = {int(customer): values for one in told for customer, values in one["model"].items()}
    pushed = sum(count for count, _ in model.values())
    for silo in cluster.running():
        lost = doubled = wrong = 0
        customers = sorted(model)
        for first in range(0, len(customers), 1_000):
            part = customers[first:first + 1_000]
            for customer, row in zip(part, silo.get(SERVICE, {"entities": [{"customer": customer} for customer in part]})["rows"], strict=True):
                found, (count, total) = row["features"], model[customer]
                lost += max(0, count - found["spend:n"])
                doubled += max(0, found["spend:n"] - count)
                wrong += (found["spend:total"] or 0) != total
        checks.that(f"asked of {silo.name}", lost == doubled == wrong == 0, f"{pushed:,} events acknowledged, {lost:,} lost, {doubled:,} counted twice, {wrong:,} of {len(model):,} sums wrong")
    checks.equal("events in history", cluster.history(STREAM), pushed)
    reads = [read for one in told for read in one["token_reads"]]
    checks.that("token reads see exactly what was acknowledged", all(read[3] for read in reads), f"{len(reads):,} read at another silo, {sum(not read[3] for read in reads):,} otherwise")


def table(phases, told, lookups, probes, checks):
    """What clients saw, phase by phase; returned as rows for JSON too."""
    pushes, reads = [push for one in told for push in one["pushes"]], [read for one in told for read in one["token_reads"]]
    rows = []
    for (name, begun, took), (_, end, _) in zip(phases, phases[1:]):
        def within(records):
            return [record for record in records if begun <= record[0] < end]

        asked, pushed, read = within(lookups), within(pushes), within(reads)
        latencies, waits = sorted(record[1] for record in asked), sorted(record[1] for record in pushed if record[2] == 200)
        rows.append({
            "phase": name, "seconds": end - begun, "action_seconds": took,
            "lookups": len(asked), "first_try_error_percent": percent(asked, 2), "error_percent": percent(asked, 3), "lookup_p50_ms": at(latencies, 0.5), "lookup_p99_ms": at(latencies, 0.99),
            "token_reads": len(read), "token_read_error_percent": percent(read, 2), "token_read_p99_ms": at(sorted(record[1] for record in read), 0.99),
            "pushes": len(pushed), "push_error_percent": percent(pushed, 2), "push_p50_ms": at(waits, 0.5), "push_p99_ms": at(waits, 0.99), "events_per_second": BATCH * len(waits) / (end - begun),
            "all_answer_again_seconds": again(probes, begun, end), "longest_silence_seconds": silence(within(probes), begun, end), "probes": len(within(probes)), "errors": dict(collections.Counter(str(record[2]) for record in asked + pushed + read if record[2] != 200)),
        })
    report.table(["phase", "lookups", "1st try err %", "err %", "p50 ms", "p99 ms", "pushes", "err %", "p99 ms", "events/s", "token reads", "err %", "p99 ms", "all answer s", "silence s"],
                 [(row["phase"], row["lookups"], f"{row['first_try_error_percent']:.2f}", f"{row['error_percent']:.2f}", row["lookup_p50_ms"], row["lookup_p99_ms"], row["pushes"], f"{row['push_error_percent']:.2f}",
                   row["push_p99_ms"], round(row["events_per_second"]), row["token_reads"], f"{row['token_read_error_percent']:.2f}", row["token_read_p99_ms"],
                   "never" if row["all_answer_again_seconds"] is None else f"{row['all_answer_again_seconds']:.2f}", f"{row['longest_silence_seconds']:.2f}") for row in rows])
    checks.that("in every phase all entities answered again", all(row["all_answer_again_seconds"] is not None for row in rows))
    return rows


def percent(records, place):
    return 100 * sum(record[place] != 200 for record in records) / max(1, len(records))


def at(ordered, part):
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def again(probes, begun, end):
    """Seconds from the beginning until customers of all partitions answered at once and kept doing so for the rest of the phase; 0: they always did; None: they did not, not even after it."""
    bad = [record[0] for record in probes if begun <= record[0] < end and (record[2] != 200 or record[1] > PROBE_SLOW_MS)]
    if not bad:
        return 0.0 if any(begun <= record[0] < end for record in probes) else None
    good = [record[0] + record[1] / 1_000 for record in probes if record[0] > max(bad) and record[2] == 200 and record[1] <= PROBE_SLOW_MS]
    return min(good) - begun if good else None


def silence(probes, begun, end):
    """The longest time, in seconds, in which no question about customers of all partitions was answered promptly: whatever an action takes, so long some entity kept its readers waiting at most."""
    answered = [begun, *sorted(record[0] + record[1] / 1_000 for record in probes if record[2] == 200 and record[1] <= PROBE_SLOW_MS), end]
    return max(later - earlier for earlier, later in zip(answered, answered[1:]))


def options(parser):
    parser.add_argument("--phase", type=float, default=20, metavar="SECONDS", help="how long each phase lasts (default: 20)")
    parser.add_argument("--rate", type=report.rows_option, default=1_000, help="events a second (default: 1,000)")
    parser.add_argument("--lookups", type=report.rows_option, default=200, help="lookups a second, of four customers each (default: 200)")
    parser.add_argument("--customers", type=report.rows_option, default=4_000, help="how many (default: 4,000)")
    parser.add_argument("--next", type=pathlib.Path, metavar="DIR", help="where the next build's orleans-features-silo is (default: the same build)")
    parser.add_argument("--checkpoint-interval", default="2s", help="of the silos (default: 2s)")
    parser.add_argument("--entity-idle", default="10s", help="of the silos (default: 10s)")
