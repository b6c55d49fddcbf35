// The store over REST.
import http from 'k6/http';
import { SERVICE, STREAM } from './draw.js';

const STORE = __ENV.HTTP || 'http://127.0.0.1:6580';
const PARAMS = { headers: { 'Content-Type': 'application/json' }, timeout: '10s' };

function post(path, body) {
  const response = http.post(`${STORE}${path}`, JSON.stringify(body), PARAMS);
  const ok = response.status === 200;
  return { ok, message: ok ? response.json() : null, error: ok ? null : `${response.status} ${response.error || response.body}` };
}

const eventOf = (event) => Object.assign({}, event, { tx_time: new Date(event.tx_time).toISOString() });

export function lookup(rows, token) {
  const body = { entities: rows, as_of: 'stream' };
  if (token) {
    body.min_token = token;
    body.max_wait_ms = 10000;
  }
  return post(`/features/v1/${SERVICE}:get`, body);
}

export function observe(event) {
  const answer = post(`/features/v1/${SERVICE}:observe`, { stream: STREAM, event: eventOf(event) });
  const result = answer.ok ? String(answer.message.result).toUpperCase() : null;
  return { ok: answer.ok && result === 'ACCEPTED', error: answer.error || result };
}

export function push(events) {
  const answer = post(`/events/v1/${STREAM}`, events.map(eventOf));
  const accepted = answer.ok ? answer.message.accepted : 0;
  return { ok: accepted === events.length, token: answer.ok ? answer.message.token : null, error: answer.error || `${accepted} of ${events.length} accepted` };
}
