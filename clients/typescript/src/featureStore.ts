// A client of OrleansFeatures in TypeScript, from its protos alone: the parts worth copying into your own.
//
// It keeps a pool of connections, gives every call a deadline, tries again what was refused for the moment or lost on the way, and reads what it has written. The types of the messages are generated from the
// protos (README.md); the messages themselves are read from them when the program starts.
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import type { ProtoGrpcType } from './generated/features.js';
import type { FeatureServiceClient } from './generated/orleansfeatures/v1/FeatureService.js';
import type { IngestServiceClient } from './generated/orleansfeatures/v1/IngestService.js';
import type { FeatureColumn__Output } from './generated/orleansfeatures/v1/FeatureColumn.js';
import type { FeatureRows__Output } from './generated/orleansfeatures/v1/FeatureRows.js';
import type { GetFeaturesResponse__Output } from './generated/orleansfeatures/v1/GetFeaturesResponse.js';
import type { PushResponse__Output } from './generated/orleansfeatures/v1/PushResponse.js';
import type { ConsistencyToken } from './generated/orleansfeatures/v1/ConsistencyToken.js';
import type { FeatureStatus__Output } from './generated/orleansfeatures/v1/FeatureStatus.js';
import type { Column } from './generated/orleansfeatures/v1/Column.js';
import type { Value, Value__Output } from './generated/orleansfeatures/v1/Value.js';

/** Whole numbers are bigint: int64 goes beyond what a number holds exactly. A number is a double. */
export type Scalar = bigint | number | string | boolean | Date | null;
export type Cell = Scalar | Scalar[] | Map<Scalar, Scalar>;
export type Event = Record<string, Scalar>;

/** The features of one row: values by name, null where there is none, and statuses that say why (PRESENT where there is one). */
export interface Vector {
  values: Record<string, Cell>;
  statuses: Record<string, FeatureStatus__Output>;
}

export interface Options {
  /** To each server. */
  connections?: number;
  /** The deadline of a call with all its tries; the server sees it too, and does no work beyond it. */
  timeoutMs?: number;
}

interface Connection {
  features: FeatureServiceClient;
  ingest: IngestServiceClient;
  underWay: number;
  used: number;
}

type Answer<T> = (error: grpc.ServiceError | null, response?: T) => void;

// Refused because the store is full at the moment, or lost with a connection or a server: the same call may succeed in a moment. Everything else is final.
const PASSING = [grpc.status.RESOURCE_EXHAUSTED, grpc.status.UNAVAILABLE];

// By number.
const STATUSES: FeatureStatus__Output[] = ['INVALID', 'PRESENT', 'NULL_VALUE', 'NOT_FOUND', 'OUTSIDE_MAX_AGE', 'APPROXIMATE', 'OUTSIDE_RETENTION'];

// The first pause where the server gives no hint; each further one is up to twice as long. A few round trips.
const FIRST_PAUSE_MS = 10;

// Each connection of its own, and not one that grpc-js shares between all channels to an address.
const CHANNEL_OPTIONS = { 'grpc.use_local_subchannel_pool': 1, 'grpc.max_receive_message_length': 16 << 20 };

const PROTOS = fileURLToPath(new URL('../../../protos', import.meta.url));
const definition = loader.loadSync(['orleansfeatures/v1/features.proto', 'orleansfeatures/v1/ingest.proto'], {
  keepCase: true, longs: String, enums: String, defaults: true, oneofs: true, includeDirs: [PROTOS],
});
const { v1 } = (grpc.loadPackageDefinition(definition) as unknown as ProtoGrpcType).orleansfeatures;

export class FeatureStore {
  readonly #connections: Connection[];
  readonly #timeoutMs: number;
  readonly #seen = new Map<number, bigint>();
  #uses = 0;
  retries = 0;

  constructor(servers: string[], { connections = 2, timeoutMs = 500 }: Options = {}) {
    this.#timeoutMs = timeoutMs;
    this.#connections = servers.flatMap(server => Array.from({ length: connections }, () => {
      const features = new v1.FeatureService(server, grpc.credentials.createInsecure(), CHANNEL_OPTIONS);
      return { features, ingest: new v1.IngestService(server, grpc.credentials.createInsecure(), { channelOverride: features.getChannel() }), underWay: 0, used: 0 };
    }));
  }

  /**
   * Events by field name, all with the same fields. What is acknowledged is on disk. A repeated push is safe, because events are known by their ids: what the lost try had brought in is a DUPLICATE of the next.
   * Look at `refusals`: a bad event does not fail its neighbours.
   */
  async push(stream: string, events: Event[]): Promise<PushResponse__Output> {
    const fields = Object.keys(events[0] ?? {});
    const rows = events.map(event => ({ values: fields.map(field => valueOf(event[field] ?? null)) }));
    const response = await this.#call<PushResponse__Output>((connection, options, answer) => connection.ingest.push({ stream, field_names: fields, rows: { rows } }, options, answer));
    this.#remember(response.token);
    return response;
  }

  /** One vector per row. `what` is a feature service's name, or a list of "view:feature"; keys and context hold a list of values per field. It sees everything that this client has pushed. */
  async get(what: string | string[], keys: Record<string, (bigint | string)[]>, context: Record<string, Scalar[]> = {}): Promise<Vector[]> {
    const request = {
      what: selectionOf(what),
      keys: Object.entries(keys).map(([field, values]) => ({ field, strings: values.map(String) })),
      context: contextOf(context),
      min_token: this.#token(),
    };
    return vectorsOf(await this.#call<GetFeaturesResponse__Output>((connection, options, answer) => connection.features.getFeatures(request, options, answer)));
  }

  /** Appends one event and answers with the vector after it. Idempotent: the same event again changes nothing and answers the same. */
  async observe(stream: string, event: Event, what: string | string[], context: Record<string, Scalar> = {}): Promise<Vector> {
    const request = {
      stream,
      field_names: Object.keys(event),
      event: { values: Object.values(event).map(valueOf) },
      what: selectionOf(what),
      context: contextOf(Object.fromEntries(Object.entries(context).map(([field, value]) => [field, [value]]))),
    };
    const response = await this.#call<{ features: GetFeaturesResponse__Output | null; token: ConsistencyToken | null; refusal: { field: string; reason: string; fix: string } | null }>(
      (connection, options, answer) => connection.features.observeAndGet(request, options, answer));
    if (!response.features) {
      throw new Error(`${response.refusal?.field}: ${response.refusal?.reason}; ${response.refusal?.fix}`);
    }

    this.#remember(response.token);
    return vectorsOf(response.features)[0]!;
  }

  close(): void {
    for (const connection of this.#connections) {
      connection.features.close();
    }
  }

  async #call<T>(begin: (connection: Connection, options: grpc.CallOptions, answer: Answer<T>) => unknown): Promise<T> {
    const giveUp = Date.now() + this.#timeoutMs;
    for (let pause = FIRST_PAUSE_MS; ; pause *= 2) {
      const connection = this.#any();
      connection.underWay++;
      try {
        return await new Promise<T>((resolve, reject) => begin(connection, { deadline: giveUp }, (error, response) => error ? reject(error) : resolve(response!)));
      } catch (error) {
        const { code, metadata } = error as grpc.ServiceError;
        const hint = metadata?.get('retry-after-ms')[0];
        const wait = hint === undefined ? pause * (1 + Math.random()) / 2 : Number(hint);
        if (!PASSING.includes(code) || Date.now() + wait >= giveUp) {
          throw error;
        }

        this.retries++;
        await sleep(Math.ceil(wait) + 1); // A timer may be early by the fraction of a millisecond.
      } finally {
        connection.underWay--;
      }
    }
  }

  /** The connection with the least to do; of several, the one that has rested longest. */
  #any(): Connection {
    const connection = this.#connections.reduce((best, one) => one.underWay < best.underWay || (one.underWay === best.underWay && one.used < best.used) ? one : best);
    connection.used = ++this.#uses;
    return connection;
  }

  #remember(token: ConsistencyToken | null): void {
    (token?.partitions ?? []).forEach((partition, index) => {
      const offset = BigInt(String(token!.offsets![index]));
      const seen = this.#seen.get(partition);
      this.#seen.set(partition, seen !== undefined && seen > offset ? seen : offset);
    });
  }

  #token(): ConsistencyToken {
    const partitions = [...this.#seen.keys()].sort((left, right) => left - right);
    return { partitions, offsets: partitions.map(partition => String(this.#seen.get(partition))) };
  }
}

function selectionOf(what: string | string[]) {
  return typeof what === 'string' ? { feature_service: what } : { features: { names: what } };
}

function contextOf(context: Record<string, Scalar[]>) {
  return Object.entries(context).map(([field, values]) => ({ field, values: columnOf(values) }));
}

/** Times are microseconds since 1970 in UTC. */
function microsOf(instant: Date): string {
  return String(BigInt(instant.getTime()) * 1000n);
}

function valueOf(value: Scalar): Value {
  switch (typeof value) {
    case 'bigint': return { int64: String(value) };
    case 'number': return { double: value };
    case 'boolean': return { bool: value };
    case 'string': return { string: value };
    default: return value === null ? {} : { timestamp_micros: microsOf(value) };
  }
}

function columnOf(values: Scalar[]): Column {
  switch (typeof values[0]) {
    case 'bigint': return { int64s: values.map(String) };
    case 'number': return { doubles: values as number[] };
    case 'boolean': return { bools: values as boolean[] };
    case 'string': return { strings: values as string[] };
    default: return { timestamps_micros: values.map(value => microsOf(value as Date)) };
  }
}

/** Values lie row by row in one lane per kind; a column names its lane, and its place among the columns of that lane. */
function vectorsOf({ columns, rows }: GetFeaturesResponse__Output): Vector[] {
  const width = (lane: string) => columns.filter(column => column.lane === lane).length;
  return Array.from({ length: rows!.row_count }, (_, row) => {
    const vector: Vector = { values: {}, statuses: {} };
    columns.forEach((column, index) => {
      const status = rows!.statuses.length > 0 ? STATUSES[rows!.statuses[row * columns.length + index]!]! : 'PRESENT';
      vector.statuses[column.name] = status;
      vector.values[column.name] = status === 'PRESENT' || status === 'APPROXIMATE' ? cellOf(rows!, column, row * width(column.lane) + column.lane_index) : null;
    });
    return vector;
  });
}

function cellOf(rows: FeatureRows__Output, column: FeatureColumn__Output, at: number): Cell {
  switch (column.lane) {
    case 'LANE_DOUBLE': return rows.doubles[at]!;
    case 'LANE_STRING': return rows.strings[at]!;
    case 'LANE_LIST': return rows.lists[at]!.values.map(scalarOf);
    case 'LANE_MAP': return new Map(rows.maps[at]!.keys.map((key, index) => [scalarOf(key), scalarOf(rows.maps[at]!.values[index]!)]));
    default: {
      const bits = BigInt(rows.int64s[at]!);
      return column.type === 'BOOL' ? bits !== 0n : column.type === 'TIMESTAMP' ? dateOf(bits) : bits;
    }
  }
}

function scalarOf(value: Value__Output): Scalar {
  switch (value.kind) {
    case 'int64': return BigInt(value.int64!);
    case 'double': return value.double!;
    case 'string': return value.string!;
    case 'bool': return value.bool!;
    case 'timestamp_micros': return dateOf(BigInt(value.timestamp_micros!));
    default: return null;
  }
}

/** JavaScript's dates count milliseconds: the rest is lost. */
function dateOf(micros: bigint): Date {
  return new Date(Number(micros / 1000n));
}
