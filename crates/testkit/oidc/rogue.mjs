// A provider of identities that lies, for tests: it gives whatever ID token the test asks for.
//
// `POST /test/plan` says how it answers from then on, with any of:
//   metadata   what its discovery document says besides, or in place
//   claims     what the ID token says besides, or in place (null leaves a claim out); `nonce` is the one that was
//              asked for with the code, which is the nonce itself
//   sign       "RS256" (its key), "ES256" (its other key), "none", "HS256" (with its own public key as the secret),
//              "HS256-client" (with the client's secret), "stranger" (a key that it does not name, under its name)
//   rotate     true: new keys from now on
//   discovery, jwks, token   {"status", "headers", "body", "bytes", "hang"} in place of the answer
// `GET /test/seen` gives the requests that came, by path, and what the last code was turned in with.
import { once } from "node:events";
import http from "node:http";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";

const secret = process.argv.at(-1);
const server = http.createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;

let plan = {};
let keys;
let generation = 0;
const seen = { paths: [], form: null, authorization: null };

async function rotate() {
  generation += 1;
  const make = async (alg) => ({ ...(await generateKeyPair(alg)), kid: `${alg}-${generation}` });
  keys = { RS256: await make("RS256"), ES256: await make("ES256"), stranger: await make("RS256") };
}
await rotate();

async function jwks() {
  const named = [keys.RS256, keys.ES256];
  const all = named.map(async (key) => ({ ...(await exportJWK(key.publicKey)), kid: key.kid, use: "sig" }));
  return { keys: await Promise.all(all) };
}

async function idToken(form) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    aud: "freehold",
    sub: "mallory",
    iat: now,
    exp: now + 300,
    nonce: form.get("code"),
    ...plan.claims,
  };
  for (const [claim, value] of Object.entries(claims)) if (value === null) delete claims[claim];
  const sign = plan.sign ?? "RS256";
  const kid = (keys[sign] ?? keys.RS256).kid;
  if (sign === "none") return new UnsecuredJWT(claims).encode();
  const shared = {
    HS256: () => exportSPKI(keys.RS256.publicKey),
    "HS256-client": () => secret,
  }[sign];
  if (shared) {
    const key = new TextEncoder().encode(await shared());
    return new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid }).sign(key);
  }
  if (sign === "stranger") {
    const header = { alg: "RS256", kid: keys.RS256.kid };
    return new SignJWT(claims).setProtectedHeader(header).sign(keys.stranger.privateKey);
  }
  return new SignJWT(claims).setProtectedHeader({ alg: sign, kid }).sign(keys[sign].privateKey);
}

async function text(request) {
  let all = "";
  for await (const part of request) all += part;
  return all;
}

async function document(path, form) {
  switch (path) {
    case "/.well-known/openid-configuration":
      return {
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        ...plan.metadata,
      };
    case "/jwks":
      return jwks();
    case "/token":
      return { access_token: "x", token_type: "Bearer", id_token: await idToken(form) };
    default:
      return null;
  }
}

const PLANNED = { "/.well-known/openid-configuration": "discovery", "/jwks": "jwks", "/token": "token" };

async function serve(request, response) {
  const path = request.url;
  if (path === "/test/plan") {
    plan = JSON.parse(await text(request));
    if (plan.rotate) await rotate();
    return response.end();
  }
  if (path === "/test/seen") return response.end(JSON.stringify(seen));
  seen.paths.push(path);
  const form = new URLSearchParams(await text(request));
  if (path === "/token") {
    seen.form = Object.fromEntries(form);
    seen.authorization = request.headers.authorization ?? null;
  }
  const planned = plan[PLANNED[path]];
  if (planned?.hang) return;
  if (planned) {
    response.writeHead(planned.status ?? 200, { "content-type": "application/json", ...planned.headers });
    return response.end(planned.body ?? "x".repeat(planned.bytes ?? 0));
  }
  const answer = await document(path, form);
  response.writeHead(answer === null ? 404 : 200, { "content-type": "application/json" });
  return response.end(JSON.stringify(answer));
}

server.on("request", (request, response) => {
  serve(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
});
console.log(issuer);
