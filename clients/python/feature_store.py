"""A client of OrleansFeatures in Python, from its protos alone: the parts worth copying into your own.

It keeps a pool of connections, gives every call a deadline, tries again what was refused for the moment or lost on the way, and reads what it has written. Needs grpcio, protobuf and the modules
that protoc makes of the protos (README.md).
"""
import contextlib
import datetime
import itertools
import random
import threading
import time

import grpc
from orleansfeatures.v1 import features_pb2, ingest_pb2, types_pb2, vectors_pb2

# Refused because the store is full at the moment, or lost with a connection or a server: the same call may succeed in a moment. Everything else is final.
PASSING = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)

# The first pause where the server gives no hint; each further one is up to twice as long. A few round trips.
FIRST_PAUSE_SECONDS = 0.01

# Each connection of its own, and not one that grpc shares between all channels to an address.
CHANNEL_OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", 16 << 20))

METHODS = {
    "Push": ("orleansfeatures.v1.IngestService", ingest_pb2.PushRequest, ingest_pb2.PushResponse),
    "GetFeatures": ("orleansfeatures.v1.FeatureService", features_pb2.GetFeaturesRequest, features_pb2.GetFeaturesResponse),
    "ObserveAndGet": ("orleansfeatures.v1.FeatureService", features_pb2.ObserveAndGetRequest, features_pb2.ObserveAndGetResponse),
}

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class FeatureStore:
    """Thread-safe. `timeout` is the deadline of a call with all its tries, in seconds; the server sees it too, and does no work beyond it."""

    def __init__(self, *servers, connections=2, timeout=0.5):
        self._timeout = timeout
        self._connections = [_Connection(server) for server in servers for _ in range(connections)]
        self._uses = itertools.count(1)
        self._seen = {}
        self._gate = threading.Lock()
        self.retries = 0

    def push(self, stream, events, operation=types_pb2.INSERT):
        """Events as dicts by field name, all with the same fields. What is acknowledged is on disk. A repeated push is safe, because events are known by their ids: what the lost try had brought in is a
        DUPLICATE of the next. Look at `refusals`: a bad event does not fail its neighbours."""
        fields = list(events[0])
        rows = [ingest_pb2.EventRow(values=[value_of(event[field]) for field in fields]) for event in events]
        response = self._call("Push", ingest_pb2.PushRequest(stream=stream, field_names=fields, rows=ingest_pb2.RowEvents(rows=rows), operation=operation))
        self._remember(response.token)
        return response

    def get(self, what, keys, context=None, as_of=None):
        """One Vector per row. `what` is a feature service's name, or a list of "view:feature"; `keys` and `context` hold a list of values per field. It sees everything that this client has pushed."""
        request = features_pb2.GetFeaturesRequest(what=selection_of(what), keys=keys_of(keys), context=context_of(context), min_token=self._token())
        if as_of is not None:
            request.as_of_micros.append(micros_of(as_of))
        return vectors_of(self._call("GetFeatures", request))

    def observe(self, stream, event, what, context=None):
        """Appends one event and answers with the vector after it. Idempotent: the same event again changes nothing and answers the same."""
        context = {field: [value] for field, value in (context or {}).items()}
        response = self._call("ObserveAndGet", features_pb2.ObserveAndGetRequest(
            stream=stream, field_names=list(event), event=ingest_pb2.EventRow(values=[value_of(value) for value in event.values()]), what=selection_of(what), context=context_of(context)))
        if response.result == ingest_pb2.QUARANTINED:
            raise ValueError(f"{response.refusal.field}: {response.refusal.reason}; {response.refusal.fix}")
        self._remember(response.token)
        return vectors_of(response.features)[0]

    def close(self):
        for connection in self._connections:
            connection.channel.close()

    def _call(self, method, request):
        give_up = time.monotonic() + self._timeout
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                with self._any() as connection:
                    return connection.calls[method](request, timeout=give_up - time.monotonic())
            except grpc.RpcError as error:
                hint = hint_of(error)
                wait = random.uniform(pause / 2, pause) if hint is None else hint
                if error.code() not in PASSING or time.monotonic() + wait >= give_up:
                    raise
            self.retries += 1
            time.sleep(wait)
            pause *= 2

    @contextlib.contextmanager
    def _any(self):
        """The connection with the least to do; of several, the one that has rested longest."""
        with self._gate:
            connection = min(self._connections, key=lambda one: (one.under_way, one.used))
            connection.under_way += 1
            connection.used = next(self._uses)
        try:
            yield connection
        finally:
            with self._gate:
                connection.under_way -= 1

    def _remember(self, token):
        with self._gate:
            for partition, offset in zip(token.partitions, token.offsets):
                self._seen[partition] = max(offset, self._seen.get(partition, 0))

    def _token(self):
        with self._gate:
            partitions = sorted(self._seen)
            return types_pb2.ConsistencyToken(partitions=partitions, offsets=[self._seen[partition] for partition in partitions])


class Vector:
    """The features of one row: `values` by name, None where there is none, and `statuses` that say why (PRESENT where there is one)."""

    def __init__(self, values, statuses):
        self.values = values
        self.statuses = statuses

    def __getitem__(self, name):
        return self.values[name]


class _Connection:
    def __init__(self, server):
        self.channel = grpc.insecure_channel(server, CHANNEL_OPTIONS)
        self.under_way = 0
        self.used = 0
        self.calls = {
            method: self.channel.unary_unary(f"/{service}/{method}", request.SerializeToString, response.FromString)
            for method, (service, request, response) in METHODS.items()
        }


def hint_of(error):
    """After how many seconds the server says that another try has a chance; None without its word."""
    for key, value in error.trailing_metadata() or ():
        if key == "retry-after-ms":
            return int(value) / 1000
    return None


def micros_of(instant):
    """Times are microseconds since 1970 in UTC; a datetime without a zone would be a guess."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return (instant - EPOCH) // datetime.timedelta(microseconds=1)


def value_of(value):
    if value is None:
        return types_pb2.Value()
    if isinstance(value, bool):
        return types_pb2.Value(bool=value)
    if isinstance(value, int):
        return types_pb2.Value(int64=value)
    if isinstance(value, float):
        return types_pb2.Value(double=value)
    if isinstance(value, datetime.datetime):
        return types_pb2.Value(timestamp_micros=micros_of(value))
    return types_pb2.Value(string=value)


def selection_of(what):
    if isinstance(what, str):
        return vectors_pb2.FeatureSelection(feature_service=what)
    return vectors_pb2.FeatureSelection(features=vectors_pb2.FeatureList(names=what))


def keys_of(keys):
    return [vectors_pb2.KeyColumn(field=field, int64s=values) if isinstance(values[0], int) else vectors_pb2.KeyColumn(field=field, strings=values) for field, values in keys.items()]


def context_of(context):
    return [vectors_pb2.ContextColumn(field=field, values=column_of(values)) for field, values in (context or {}).items()]


def column_of(values):
    first = values[0]
    if isinstance(first, bool):
        return ingest_pb2.Column(bools=values)
    if isinstance(first, int):
        return ingest_pb2.Column(int64s=values)
    if isinstance(first, float):
        return ingest_pb2.Column(doubles=values)
    if isinstance(first, datetime.datetime):
        return ingest_pb2.Column(timestamps_micros=[micros_of(value) for value in values])
    return ingest_pb2.Column(strings=values)


def vectors_of(response):
    """Values lie row by row in one lane per kind; a column names its lane, and its place among the columns of that lane."""
    rows = response.rows
    lanes = {vectors_pb2.LANE_INT64: rows.int64s, vectors_pb2.LANE_DOUBLE: rows.doubles, vectors_pb2.LANE_STRING: rows.strings, vectors_pb2.LANE_LIST: rows.lists, vectors_pb2.LANE_MAP: rows.maps}
    widths = {lane: sum(column.lane == lane for column in response.columns) for lane in lanes}
    vectors = []
    for row in range(rows.row_count):
        values, statuses = {}, {}
        for index, column in enumerate(response.columns):
            status = rows.statuses[row * len(response.columns) + index] if rows.statuses else vectors_pb2.PRESENT
            cell = lanes[column.lane][row * widths[column.lane] + column.lane_index]
            values[column.name] = plain_of(cell, column) if status in (vectors_pb2.PRESENT, vectors_pb2.APPROXIMATE) else None
            statuses[column.name] = vectors_pb2.FeatureStatus.Name(status)
        vectors.append(Vector(values, statuses))
    return vectors


def plain_of(cell, column):
    if column.lane == vectors_pb2.LANE_LIST:
        return [scalar_of(value) for value in cell.values]
    if column.lane == vectors_pb2.LANE_MAP:
        return {scalar_of(key): scalar_of(value) for key, value in zip(cell.keys, cell.values)}
    if column.type == types_pb2.BOOL:
        return bool(cell)
    return EPOCH + datetime.timedelta(microseconds=cell) if column.type == types_pb2.TIMESTAMP else cell


def scalar_of(value):
    kind = value.WhichOneof("kind")
    if kind == "timestamp_micros":
        return EPOCH + datetime.timedelta(microseconds=value.timestamp_micros)
    return None if kind is None else getattr(value, kind)
