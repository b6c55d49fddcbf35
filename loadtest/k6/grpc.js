// The store over gRPC, as messages of protos/orleansfeatures/v1 in their JSON form (int64 as text, so that no digit is lost).
import grpc from 'k6/net/grpc';
import { SERVICE, STREAM } from './draw.js';

const TIMEOUT = '10s';
const FEATURES = 'orleansfeatures.v1.FeatureService';
const INGEST = 'orleansfeatures.v1.IngestService';

const client = new grpc.Client();
client.load(['../../protos'], 'orleansfeatures/v1/features.proto');

/** Once per virtual user: its connection. */
let connected = false;

function invoke(method, message) {
  if (!connected) {
    client.connect(__ENV.GRPC || '127.0.0.1:6565', { plaintext: true });
    connected = true;
  }
  const response = client.invoke(method, message, { timeout: TIMEOUT });
  const ok = response && response.status === grpc.StatusOK;
  return { ok, message: ok ? response.message : null, error: ok ? null : JSON.stringify(response && response.error) };
}

export function lookup(rows, token) {
  const message = {
    what: { featureService: SERVICE },
    keys: [
      { field: 'customer_id', int64s: rows.map((row) => String(row.customer_id)) },
      { field: 'terminal_id', int64s: rows.map((row) => String(row.terminal_id)) },
    ],
    asOfStreamTime: true,
    compact: true,
  };
  if (token) {
    message.minToken = token;
    message.maxWaitMs = 10000;
  }
  return invoke(`${FEATURES}/GetFeatures`, message);
}

export function observe(event) {
  const answer = invoke(`${FEATURES}/ObserveAndGet`, {
    stream: STREAM,
    fieldNames: Object.keys(event),
    event: {
      values: [
        { int64: String(event.tx_id) }, { timestampMicros: String(event.tx_time * 1000) }, { int64: String(event.customer_id) },
        { int64: String(event.terminal_id) }, { double: event.amount }, { bool: event.fraud },
      ],
    },
    what: { featureService: SERVICE },
    compact: true,
  });
  // k6 leaves out what has its default value: ACCEPTED is the first of its kind.
  const result = answer.ok ? answer.message.result || 'ACCEPTED' : null;
  return { ok: answer.ok && result === 'ACCEPTED', error: answer.error || result };
}

export function push(events) {
  const column = (field, kind, text) => ({ [kind]: events.map((event) => text(event[field])) });
  const answer = invoke(`${INGEST}/Push`, {
    stream: STREAM,
    fieldNames: Object.keys(events[0]),
    columns: {
      count: events.length,
      columns: [
        column('tx_id', 'int64s', String), column('tx_time', 'timestampsMicros', (time) => String(time * 1000)), column('customer_id', 'int64s', String),
        column('terminal_id', 'int64s', String), column('amount', 'doubles', Number), column('fraud', 'bools', Boolean),
      ],
    },
  });
  const accepted = answer.ok ? Number(answer.message.accepted || 0) : 0;
  return { ok: accepted === events.length, token: answer.ok ? answer.message.token : null, error: answer.error || `${accepted} of ${events.length} accepted` };
}
