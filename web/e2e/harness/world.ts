/**
 * A believable installation: every kind of card and run that a view can show, made through the API by agents that
 * really ran. For the tests that look at every view, and for the screenshots.
 */
import type { Api, Run } from "./api";
import type { Installation } from "./installation";
import type { Remote } from "./remote";

const PROJECT_FILE = `
[setup]
command = "mkdir -p made && echo tools > made/by-setup"

[[checks]]
name = "format"
command = "test -f README.md"

[[checks]]
name = "tests"
command = "printf '\\\\033[32mok\\\\033[0m 12 passed\\\\n' && grep -q def cart/prices.py"
timeout = "2m"
`;

const PRICES = `"""Prices of a cart."""

from decimal import Decimal

RATES = {"de": Decimal("0.19"), "fr": Decimal("0.20"), "at": Decimal("0.20")}


def net(lines):
    return sum(line.price * line.count for line in lines)


def gross(lines, country):
    return net(lines) * (1 + RATES[country])


def shipping(lines, country):
    if net(lines) > 50:
        return Decimal("0")
    return Decimal("4.90") if country == "de" else Decimal("9.90")
`;

const MEND = `
sed -i 's/return net(lines) \\* (1 + RATES\\[country\\])/return round(net(lines) * (1 + RATES.get(country, Decimal("0"))), 2)/' cart/prices.py
printf 'from cart.prices import gross\\n\\n\\ndef test_an_unknown_country_pays_no_tax():\\n    assert gross([], "xx") == 0\\n' > cart/test_prices.py
printf 'all: test\\n\\ntest:\\n\\tpython3 -m pytest\\n\\nlint:\\n\\truff check\\n' > Makefile
mkdir -p docs && git mv NOTES.md docs/notes.md 2>/dev/null || mv NOTES.md docs/notes.md
`;

export interface World {
  project: string;
  projectName: string;
  remote: Remote;
  cards: {
    backlog: string;
    review: string;
    failed: string;
    running: string;
    waits: string;
    landed: string;
  };
  runs: { review: Run; failed: Run; running: Run; landed: Run; stuck: Run; rejected: Run };
  /** Lets the agent that is at work end. */
  gate: string;
}

async function agents(api: Api, gate: string, model: string): Promise<void> {
  await api.actor("careful", [
    {
      think:
        "The card says that an unknown country breaks the sum. First I read how prices are made.",
    },
    {
      plan: [
        ["Read cart/prices.py", "in_progress"],
        ["Mend gross()", "pending"],
        ["Add a test", "pending"],
      ],
    },
    { tool: "Read cart/prices.py", kind: "read", paths: ["/workspace/cart/prices.py"] },
    { tool: "Search for RATES", kind: "search" },
    {
      say: "`gross()` looks a country up in `RATES` and fails with a `KeyError` when it is not there.",
    },
    { sh: MEND },
    { tool: "Edit cart/prices.py", kind: "edit", paths: ["/workspace/cart/prices.py"] },
    { tool: "Run python3 -m pytest", kind: "execute" },
    {
      plan: [
        ["Read cart/prices.py", "completed"],
        ["Mend gross()", "completed"],
        ["Add a test", "completed"],
      ],
    },
    { usage: [20642, 200000] },
    {
      say: "An unknown country is now taxed at **0 %** and sums are rounded to cents.\n\n- `cart/prices.py`: `gross()` no longer fails\n- `cart/test_prices.py`: a test for it\n\nThe notes moved to `docs/`.",
    },
  ]);
  await api.agent("small", "echo done >> README.md; echo 'one line more'");
  await api.agent(
    "breaks",
    "echo 'npm ERR! code ELIFECYCLE' >&2; printf '\\033[31merror\\033[0m cannot go on\\n'; exit 7",
  );
  await api.agent(
    "patient",
    `echo patient >> README.md; echo 'waiting for the fixture server'; barrier ${gate}`,
  );
  const command = ["sh", "-c", "true"];
  await api.post("/agents", { name: "gpu", driver: "command", command, labels: { gpu: "a100" } });
  const provider = { kind: "openai", base_url: `${model}/v1`, key: "none", model: "scripted" };
  await api.post("/providers", { name: "scripted", ...provider });
  await api.post("/agents", { name: "worker", driver: "builtin", provider: "scripted" });
}

async function started(
  api: Api,
  project: string,
  title: string,
  agent: string,
  body = "",
): Promise<Run> {
  const card = await api.card(project, title, { body });
  return api.start(card.id, agent);
}

export async function world(here: Installation): Promise<World> {
  const { api } = here;
  const gate = here.name("world");
  const remote = here.remote({
    "README.md": "# Shop\n",
    "NOTES.md": "Notes on the shop.\n".repeat(20),
    "cart/__init__.py": "",
    "cart/prices.py": PRICES,
    ".agentworks/project.toml": PROJECT_FILE,
  });
  const projectName = here.name("shop");
  const { id: project } = await api.project(projectName, remote.url);
  await api.project(here.name("website"), remote.url);
  await agents(api, gate, await here.model());

  const landing = await started(api, project, "Say in the readme how to run the tests", "small");
  const body =
    "Orders from Liechtenstein fail at checkout:\n\n```\nKeyError: 'li'\n```\n\nTax them at 0 % until the table is complete, and add a test.";
  const review = await started(
    api,
    project,
    "An unknown country must not break the checkout",
    "careful",
    body,
  );
  const failed = await started(api, project, "Move the build to Vite 8", "breaks");
  const rejected = await started(api, project, "Rename Cart to Basket everywhere", "small");
  await api.runIn(landing.id, "waiting");
  await api.post(`/runs/${landing.id}/approve`);
  await api.runIn(failed.id, "failed");
  await api.runIn(rejected.id, "waiting");
  await api.post(`/runs/${rejected.id}/reject`, {
    reason: "Too wide for one card: begin with the API.",
  });
  const running = await started(
    api,
    project,
    "Replay yesterday's orders against the new prices",
    "patient",
  );
  const stuck = await started(api, project, "Train the recommender on last month's orders", "gpu");
  const backlog = await api.card(project, "Free shipping above 50 € in the whole EU", {
    body: "Marketing wants it by **December**.",
  });
  const waits = await api.card(project, "Show the tax on the invoice", { depends: [review.card] });
  for (const title of [
    "Invoices as PDF/A",
    "Cache the product pages",
    "Write down who is on call",
  ]) {
    await api.card(project, title);
  }
  const planned = await api.card(project, "Find out why the sitemap is empty on Mondays");
  await api.post(`/cards/${planned.id}/move`, { lane: "Planning" });
  await api.runIn(running.id, "running");
  return {
    project,
    projectName,
    remote,
    gate,
    cards: {
      backlog: backlog.id,
      review: review.card,
      failed: failed.card,
      running: running.card,
      waits: waits.id,
      landed: landing.card,
    },
    runs: {
      review: await api.runIn(review.id, "waiting"),
      failed: await api.run(failed.id),
      running: await api.run(running.id),
      landed: await api.runIn(landing.id, "succeeded"),
      stuck: await api.run(stuck.id),
      rejected: await api.run(rejected.id),
    },
  };
}

/** Every page that a person can be on, with the words that its address gets. */
export function views(world: World): { name: string; path: string }[] {
  const { project, cards, runs } = world;
  return [
    { name: "board", path: `/projects/${project}` },
    { name: "card", path: `/projects/${project}?card=${cards.review}` },
    { name: "card-waits", path: `/projects/${project}?card=${cards.waits}` },
    { name: "projects", path: "/projects" },
    { name: "project-settings", path: `/projects/${project}/settings` },
    { name: "inbox", path: "/inbox" },
    { name: "runs", path: "/runs" },
    { name: "run-review", path: `/runs/${runs.review.id}` },
    { name: "run-failed", path: `/runs/${runs.failed.id}` },
    { name: "run-running", path: `/runs/${runs.running.id}` },
    { name: "run-landed", path: `/runs/${runs.landed.id}` },
    { name: "run-stuck", path: `/runs/${runs.stuck.id}` },
    { name: "review", path: `/runs/${runs.review.id}/review` },
    { name: "review-landed", path: `/runs/${runs.landed.id}/review` },
    { name: "runners", path: "/runners" },
    { name: "environments", path: "/environments" },
    { name: "agents", path: "/settings/agents" },
    { name: "providers", path: "/settings/providers" },
    { name: "account", path: "/settings/account" },
    { name: "members", path: "/settings/members" },
    { name: "groups", path: "/settings/groups" },
    { name: "tokens", path: "/settings/tokens" },
    { name: "webhooks", path: "/settings/webhooks" },
    { name: "audit", path: "/settings/audit" },
    { name: "device", path: "/device" },
    { name: "settings", path: "/settings" },
  ];
}
