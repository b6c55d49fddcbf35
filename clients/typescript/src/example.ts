// Pays three times, pays them once more, asks what the store makes of it: node dist/example.js HOST:PORT [HOST:PORT …]
//
// The server serves definitions/fraud. Every line that this prints holds for any run on a fresh store.
import { FeatureStore, type Event } from './featureStore.js';

const SPENT = ['customer_spend:nb_tx_1d', 'customer_spend:avg_amount_1d'];
const [COUNT, AVERAGE] = SPENT as [string, string];
const now = Date.now();

function payment(number: number, amount: number): Event {
  return { tx_id: BigInt(number), tx_time: new Date(now + (number - 10) * 1000), customer_id: 596n, terminal_id: 3156n, amount, fraud: false };
}

const store = new FeatureStore(process.argv.slice(2), { timeoutMs: 5000 });
const payments = [payment(1, 10), payment(2, 20), payment(3, 60)];

const pushed = await store.push('transactions', payments);
console.log(`pushed: ${Number(pushed.accepted) + Number(pushed.duplicates)} of 3 on disk`);
const again = await store.push('transactions', payments);
console.log(`pushed again: ${again.accepted} accepted, ${again.duplicates} duplicates`);

const [known, unknown] = await store.get(SPENT, { customer_id: [596n, 597n] });
console.log(`customer 596: ${known!.values[COUNT]} payments, ${known!.values[AVERAGE]} on average`);
console.log(`customer 597: ${unknown!.values[COUNT]} payments, ${unknown!.values[AVERAGE]} on average (${unknown!.statuses[AVERAGE]})`);

const observed = await store.observe('transactions', payment(4, 30), SPENT);
console.log(`after the fourth: ${observed.values[COUNT]} payments, ${observed.values[AVERAGE]} on average`);
console.log(`retries: ${store.retries}`);
store.close();
