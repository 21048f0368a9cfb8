// Counts once however often it asks, over HTTP, with nothing but Node itself (18 or newer).
//
//     node once.mjs [KEY]
//
// The server is at 127.0.0.1:1234 unless CUENTA_WEB=HOST:PORT says otherwise.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const address = process.env.CUENTA_WEB ?? "127.0.0.1:1234";
const counter = `http://${address}/v1/counters/visitas`;

async function value() {
  const response = await fetch(counter, { signal: AbortSignal.timeout(5000) });
  return (await response.json()).value;
}

// add sends the change until an answer comes. The server knows it by its key, and counts it the first time.
async function add(amount, key) {
  const change = {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify({ amount }),
  };
  console.log(`add ${amount} to visitas, Idempotency-Key: ${key}`);
  for (let attempt = 1; attempt <= 5; attempt++) {
    try {
      const response = await fetch(`${counter}:add`, { ...change, signal: AbortSignal.timeout(5000) });
      const answer = await response.json();
      if (response.status === 503) { // busy, or stopping; other refusals are final
        console.log(`  attempt ${attempt}: ${answer.title}`);
      } else if (!response.ok) {
        fail(`refused: ${answer.title}`);
      } else if (attempt === 1) { // so we pretend: the change was made, and we do not know
        console.log("  attempt 1: the answer was lost");
      } else {
        console.log(`  attempt ${attempt}: ${answer.value}${answer.replayed ? " (replayed)" : ""}`);
        return;
      }
    } catch (e) {
      console.log(`  attempt ${attempt}: ${e.cause?.message ?? e.message}`);
    }
    await sleep(50 * 2 ** attempt);
  }
  fail(`no answer; GET /v1/outcomes/${key} will tell whether it was counted`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

const before = await value().catch(() =>
  fail(`no server at ${address}; start one with \`cuenta serve\`, or set CUENTA_WEB=HOST:PORT`));
// A key is for one change: the number of an order, or something unique.
await add(5, process.argv[2] ?? randomUUID());
console.log(`visitas went from ${before} to ${await value()}`);
