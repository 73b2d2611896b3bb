// A provider of identities for tests: npm `oidc-provider`, on loopback, for one client. Who signs in there is
// whom the test named last (`POST /test/who`): no form is filled in. `POST /test/back` names one more address to
// send browsers back to, for a server that knows its own only when it runs.
//
// The argument says for which client: {"client_id", "client_secret", "redirect_uris"}. The first line of standard
// output is the issuer. The secret is one of a test.
import { once } from "node:events";
import http from "node:http";
import { Provider } from "oidc-provider";

const client = JSON.parse(process.argv.at(-1));
const people = new Map();
const back = new Set();
let who = null;

const server = http.createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{ ...client, grant_types: ["authorization_code"], response_types: ["code"] }],
  // Claims stand in the ID token, as with most providers that people run.
  conformIdTokenClaims: false,
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  scopes: ["openid", "email", "profile", "groups"],
  pkce: { required: () => true },
  cookies: { keys: ["a key of a test"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, interaction) => `/test/interaction/${interaction.uid}` },
  ttl: { AuthorizationCode: 60, IdToken: 300, Interaction: 300, Session: 300, Grant: 300, AccessToken: 300 },
  async findAccount(_context, sub) {
    const claims = people.get(sub);
    return claims && { accountId: sub, claims: () => ({ sub, ...claims }) };
  },
});

const known = provider.Client.prototype.redirectUriAllowed;
provider.Client.prototype.redirectUriAllowed = function (address) {
  return back.has(address) || known.call(this, address);
};

async function finish(request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  if (who === null) {
    return provider.interactionFinished(request, response, {
      error: "access_denied",
      error_description: "the person said no",
    });
  }
  if (prompt.name === "login") {
    return provider.interactionFinished(request, response, { login: { accountId: who, remember: false } });
  }
  const grant = new provider.Grant({ accountId: who, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

async function body(request) {
  let text = "";
  for await (const part of request) text += part;
  return JSON.parse(text);
}

const answer = provider.callback();
server.on("request", async (request, response) => {
  try {
    if (request.url === "/test/who") {
      const said = await body(request);
      who = said?.sub ?? null;
      if (who !== null) people.set(who, said.claims);
      response.end();
    } else if (request.url === "/test/back") {
      back.add(await body(request));
      response.end();
    } else if (request.url.startsWith("/test/interaction/")) {
      await finish(request, response);
    } else {
      answer(request, response);
    }
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
});
console.log(issuer);
