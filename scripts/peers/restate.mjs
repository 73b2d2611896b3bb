// Restate: a handler with two `ctx.run`, called over its ingress.
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
    await restate.serve({ services: [bench], port: Number(ENDPOINT_PORT) });
    await post(`${ADMIN}/deployments`, { uri: `http://127.0.0.1:${ENDPOINT_PORT}`, force: true });
  },
  connect: async () => {},
  ask: (job) => post(`${INGRESS}/bench/run`, job),
  send: (job) => post(`${INGRESS}/bench/run/send`, job),
});
