// Restate: a handler with two `ctx.run`, called over its ingress.
import { createServer } from "node:http2";
import { CRASH, load, main, second, started } from "./peer.mjs";

const restate = load("@restatedev/restate-sdk");
const { INGRESS, ADMIN, ENDPOINT_PORT } = process.env;

const bench = restate.service({
  name: "bench",
  handlers: {
    run: async (ctx, job) => {
      await ctx.run("one", () => started(job));
      await ctx.run("two", () => (job >= CRASH ? second([job]) : undefined));
    },
  },
});

async function post(url, body) {
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  await answer.text();
}

await main({
  async work() {
    const server = createServer(restate.createEndpointHandler({ services: [bench] }));
    await new Promise((ready) => server.listen(Number(ENDPOINT_PORT), "127.0.0.1", ready)); // its own `serve` listens on every address
    await post(`${ADMIN}/deployments`, { uri: `http://127.0.0.1:${ENDPOINT_PORT}`, force: true });
  },
  connect: async () => {},
  ask: (job) => post(`${INGRESS}/bench/run`, job),
  send: (job) => post(`${INGRESS}/bench/run/send`, job),
});
