// Made-up questions and events for the definitions in definitions/fraud: customers and terminals drawn evenly, transactions of now.

const CUSTOMERS = Number(__ENV.CUSTOMERS || 5000);
const TERMINALS = Number(__ENV.TERMINALS || 10000);
export const SERVICE = __ENV.SERVICE || 'fraud';
export const STREAM = 'transactions';

const below = (bound) => Math.floor(Math.random() * bound);

/** So many entities: one customer and one terminal for each row. */
export function drawRows(rows) {
  return Array.from({ length: rows }, () => ({ customer_id: below(CUSTOMERS), terminal_id: below(TERMINALS) }));
}

/** So many transactions of now with ids from firstId on. */
export function drawEvents(count, firstId) {
  const now = Date.now();
  return Array.from({ length: count }, (_, at) => ({
    tx_id: firstId + at,
    tx_time: now,
    customer_id: below(CUSTOMERS),
    terminal_id: below(TERMINALS),
    amount: Math.round(below(20000)) / 100,
    fraud: Math.random() < 0.01,
  }));
}
