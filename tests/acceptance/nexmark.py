"""NEXMark's queries 5, 7, 11, 16, 17, 18 and 19 from the published definitions alone (definitions/nexmark), end to end.

The bids are pushed in the order of their arrival. For each query the adapter below asks `training` for features of entities at instants, and arranges what it
gets into the query's rows. From the bids it takes only which entities there are and when they bid; every value in a row comes from a feature.
"""

import collections
import csv
import datetime
import gzip
import json

import report
import store

DEFINITIONS = store.ROOT / "definitions" / "nexmark"
STREAM = "bids"
FILE = "nexmark_stream.jsonl.gz"
SECOND, DAY = 1_000_000, 86_400_000_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

Bid = collections.namedtuple("Bid", "time auction bidder channel")


def micros(text):
    """A time in UTC as microseconds since 1970, which floating point would round."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


def instant(time):
    return (EPOCH + datetime.timedelta(microseconds=time)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def milliseconds(time):
    """As the expected results write times."""
    return instant(time)[:-4] + "Z"


class Query:
    """Which rows of `training` a query asks for, and what it makes of the answers, each a pair of the row asked and its features by name."""

    def __init__(self, name, file, keys, ask, arrange):
        self.name, self.file, self.keys, self.ask, self.arrange = name, file, keys, ask, arrange


class Bids:
    """The bids of the stream, in a file of their own for pushing."""

    def __init__(self, shared, folder):
        self.path = folder / "bids.jsonl"
        self.all = []
        with gzip.open(shared / FILE, "rt", encoding="utf-8") as source, open(self.path, "w", encoding="utf-8") as target:
            for line in source:
                event = json.loads(line)
                if event["type"] == "bid":
                    target.write(line)
                    self.all.append(Bid(micros(event["event_time"]), event["auction"], event["bidder"], event["channel"]))
        self.end_of_day = self.all[0].time // DAY * DAY + DAY - 1

    def window_ends(self, every, width):
        """The ends of all windows, from multiples of an interval, that hold a bid."""
        times = [bid.time for bid in self.all]
        return range(min(times) // every * every + every, max(times) + width + 1, every)

    def at_end_of_day(self, *fields):
        """Each distinct key, asked about as of the last microsecond of the day."""
        keys = dict.fromkeys(tuple(getattr(bid, field) for field in fields) for bid in self.all)
        return [(*key, self.end_of_day) for key in keys]


def hot_auctions(bids):
    """Every auction with a bid in the window; without one it counts nothing, and cannot be the hottest."""
    asked = []
    for end in bids.window_ends(2 * SECOND, 10 * SECOND):
        asked += [(auction, end - 1) for auction in dict.fromkeys(bid.auction for bid in bids.all if end - 10 * SECOND <= bid.time < end)]
    return asked


def window(end):
    return milliseconds(end - 10 * SECOND), milliseconds(end)


def hottest(answers):
    by_window = collections.defaultdict(list)
    for (auction, as_of), found in answers:
        by_window[as_of + 1].append((int(found["num"]), auction))
    for end, counts in by_window.items():
        most = max(counts)[0]
        yield from ((*window(end), auction, count) for count, auction in counts if count == most)


def hottest_of_market(answers):
    for (as_of,), found in answers:
        counts = json.loads(found["nums"])
        yield from ((*window(as_of + 1), auction, count) for auction, count in counts.items() if count == max(counts.values()))


def highest(answers):
    for (as_of,), found in answers:
        yield (*window(as_of + 1), found["event_id"], found["auction"], found["bidder"], found["price"], milliseconds(micros(found["event_time"])))


def sessions(answers):
    """Asked at each of a bidder's bids: of the answers with the same start, the one with the newest last bid has seen the whole session."""
    whole = {}
    for (bidder, _), found in answers:
        start, last = micros(found["started"]), micros(found["last_bid"])
        if (bidder, start) not in whole or whole[bidder, start][0] < last:
            whole[bidder, start] = last, found["bid_count"]
    for (bidder, start), (last, count) in whole.items():
        yield bidder, count, milliseconds(start), milliseconds(last + 10 * SECOND)


def channels(answers):
    for (channel, _), found in answers:
        newest = milliseconds(micros(found.pop("newest")))
        yield channel, newest[:10], newest[11:16], *found.values()


def auctions(answers):
    """The query truncates the average."""
    for (auction, as_of), found in answers:
        found["avg_price"] = int(float(found["avg_price"]))
        yield auction, instant(as_of)[:10], *found.values()


def last_bids(answers):
    for (bidder, auction, _), found in answers:
        yield bidder, auction, found["event_id"], found["price"], milliseconds(micros(found["event_time"]))


def top_bids(answers):
    for (auction, _), found in answers:
        for rank, (event, bidder, price, time) in enumerate(zip(*(json.loads(cell) for cell in found.values())), start=1):
            yield auction, rank, event, bidder, price, milliseconds(micros(time))


QUERIES = [
    Query("q5", "nexmark_q5.csv.gz", ["auction"], hot_auctions, hottest),
    Query("q5_market", "nexmark_q5.csv.gz", [], lambda bids: [(end - 1,) for end in bids.window_ends(2 * SECOND, 10 * SECOND)], hottest_of_market),
    Query("q7", "nexmark_q7.csv.gz", [], lambda bids: [(end - 1,) for end in bids.window_ends(10 * SECOND, 10 * SECOND)], highest),
    Query("q11", "nexmark_q11.csv.gz", ["bidder"], lambda bids: [(bid.bidder, bid.time) for bid in bids.all], sessions),
    Query("q16", "nexmark_q16.csv.gz", ["channel"], lambda bids: bids.at_end_of_day("channel"), channels),
    Query("q17", "nexmark_q17.csv.gz", ["auction"], lambda bids: bids.at_end_of_day("auction"), auctions),
    Query("q18", "nexmark_q18.csv.gz", ["bidder", "auction"], lambda bids: bids.at_end_of_day("bidder", "auction"), last_bids),
    Query("q19", "nexmark_q19.csv.gz", ["auction"], lambda bids: bids.at_end_of_day("auction"), top_bids),
]


def answer(query, bids, server, folder):
    """Asks for the query's features; returns the pairs of question and answer, and the seconds that `training` took."""
    rows, out = folder / f"{query.name}_rows.csv", folder / f"{query.name}_out.csv"
    asked = query.ask(bids)
    with open(rows, "w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow([*query.keys, "as_of"])
        writer.writerows([*row[:-1], instant(row[-1])] for row in asked)
    seconds = server.run("training", "--service", query.name, "--rows", rows, "--out", out)["seconds"]
    with open(out, encoding="utf-8", newline="") as source:
        reader = csv.reader(source)
        names = next(reader)[len(query.keys) + 1:]
        found = [dict(zip(names, row[len(query.keys) + 1:])) for row in reader]
    if len(found) != len(asked):
        raise store.Failure(f"training answered {len(found):,} of {len(asked):,} rows for {query.name}")
    return list(zip(asked, found)), seconds


def compare(query, bids, server, shared, folder, checks):
    """One query: its rows against the expected ones, each exactly once; returns its line of the table."""
    answers, seconds = answer(query, bids, server, folder)
    found = collections.Counter(",".join(map(str, row)) for row in query.arrange(answers))
    with gzip.open(shared / query.file, "rt", encoding="utf-8") as source:
        next(source)
        expected = collections.Counter(line.rstrip("\n") for line in source)
    wrong, missing = found - expected, expected - found
    matched = (found & expected).total()
    checks.that(f"{query.name}: rows as expected, and no others", not wrong and not missing, f"{expected.total():,} expected, {matched:,} matched, {wrong.total():,} wrong, {missing.total():,} missing")
    for kind, rows in (("wrong", wrong), ("missing", missing)):
        for row in list(rows)[:report.SHOWN]:
            print(f"      {kind}: {row}")
    return query.name, len(answers), seconds, expected.total(), matched, wrong.total(), missing.total()


def check(program, shared, folder, checks, definitions):
    bids = Bids(shared, folder)
    with store.Store(program, folder, definitions) as server:
        server.start()
        pushed = server.run("push", "--stream", STREAM, "--file", bids.path)
        checks.equal("accepted", pushed["accepted"] + pushed["late"], len(bids.all))
        checks.equal("refused", pushed["quarantined"] + pushed["unreadable"] + pushed["duplicates"], 0)
        lines = [compare(query, bids, server, shared, folder, checks) for query in QUERIES]
        memory = server.memory_mb()
        server.stop()
    report.table(["query", "rows asked", "training s", "expected", "matched", "wrong", "missing"], lines)
    print(f"push: {len(bids.all):,} bids in {pushed['seconds']:.1f} s; most memory held by the server: {memory:,} MB")
