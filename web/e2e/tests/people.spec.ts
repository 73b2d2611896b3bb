/** Members, invitations, tokens, sessions, organizations, devices and the audit log, in browsers of several people. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "@playwright/test";

import { Api, Refused } from "../harness/api";
import { House } from "../harness/house";
import { binary } from "../harness/installation";
import { again, founder, joined, PASSWORD, type Person } from "../harness/people";
import { accessible, choose, fits, PHONE, press, reach, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

let house: House;
const scratch = mkdtempSync(join(tmpdir(), "fh-e2e-people-"));

test.beforeAll(async () => {
  house = await House.open();
});
test.afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await house?.end();
});

const row = (page: Page, words: string): Locator =>
  page.getByRole("row").filter({ hasText: words });
const dialog = (page: Page): Locator => page.getByRole("dialog");
const alert = (page: Page): Locator => page.getByRole("alertdialog");

/** The status with which the server refuses; null where it does not. */
async function refusal(asked: Promise<unknown>): Promise<number | null> {
  try {
    await asked;
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.status;
    throw error;
  }
}

async function roleOf(owner: Person, person: Person): Promise<string | undefined> {
  const { items } = await owner.api.get<{ items: { email: string; role: string }[] }>("/members");
  return items.find(({ email }) => email === person.address)?.role;
}

test("an owner changes what members are, by keyboard; the last one stays", async ({ visitor }) => {
  test.setTimeout(120_000);
  const grace = await founder(house, "Grace", "Navy");
  const ada = await joined(house, grace, "Ada", "developer");
  const { page } = await visitor(grace.token, {}, house.url);
  const hers = (await visitor(ada.token, {}, house.url)).page;
  await visit(page, "/settings/members");
  await expect(page.getByText("2 members.")).toBeVisible();
  await accessible(page, "the members");

  await test.step("a role is changed, and the change taken back", async () => {
    await choose(page, "Actions for Ada", "Change the role…");
    await expect(dialog(page).getByRole("radio", { name: "Developer" })).toBeFocused();
    await accessible(page, "changing a role");
    await page.keyboard.press("ArrowDown");
    await expect(dialog(page).getByRole("radio", { name: "Admin" })).toBeChecked();
    await page.keyboard.press("Enter");
    await expect(page.getByText("Ada is an admin now")).toBeVisible();
    expect(await roleOf(grace, ada)).toBe("admin");
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => roleOf(grace, ada)).toBe("developer");
    await expect(row(page, "ada@example.org")).toContainText("Developer");
  });

  await test.step("a developer sees who is here and changes nobody", async () => {
    await visit(hers, "/settings/members");
    await expect(row(hers, "grace@example.org")).toContainText("Owner");
    await expect(hers.getByRole("button", { name: "Actions for Grace" })).toHaveCount(0);
    await expect(hers.getByRole("button", { name: "Invite people" })).toHaveCount(0);
    for (const [path, button] of [
      ["/settings/agents", "Add an agent"],
      ["/settings/providers", "Add a provider"],
      ["/runners", "Add a runner"],
    ] as const) {
      await visit(page, path);
      await expect(page.getByRole("button", { name: button })).toBeVisible();
      await visit(hers, path);
      await expect(hers.getByRole("heading", { level: 2 }).first()).toBeVisible();
      await expect(hers.getByRole("button", { name: button })).toHaveCount(0);
    }
    await visit(hers, "/settings/members");
    await visit(page, "/settings/members");
  });

  await test.step("the last owner is told why they stay", async () => {
    await page.getByRole("button", { name: "Leave…" }).click();
    await expect(dialog(page)).toContainText("You are the last owner");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("button", { name: "Leave…" })).toBeFocused();
  });

  await test.step("of two owners who go at once one is refused, and reads why", async () => {
    await grace.api.request("PATCH", `/members/${ada.address}`, { role: "owner" });
    await visit(page, "/settings/members");
    await choose(page, "Actions for Grace", "Change the role…");
    await dialog(page).getByRole("radio", { name: "Viewer" }).check();
    await expect(dialog(page)).toContainText("You take this from yourself");
    // Meanwhile the other one steps down.
    await ada.api.request("PATCH", `/members/${ada.address}`, { role: "developer" });
    await dialog(page).getByRole("button", { name: "Save" }).click();
    await expect(dialog(page).getByRole("alert").first()).toContainText(/last owner|one owner/);
    expect(await roleOf(grace, grace)).toBe("owner");
    await page.keyboard.press("Escape");
    await alert(page).getByRole("button", { name: "Discard" }).click();
  });

  await test.step("who leaves is signed out, and is gone from the others' lists", async () => {
    const bea = await joined(house, grace, "Bea", "viewer");
    const leaves = (await visitor(bea.token, {}, house.url)).page;
    await visit(leaves, "/settings/members");
    await expect(row(page, "bea@example.org")).toBeVisible();
    await press(leaves, leaves.getByRole("button", { name: "Leave…" }));
    await expect(alert(leaves)).toContainText("Leave Navy?");
    await press(leaves, alert(leaves).getByRole("button", { name: "Leave", exact: true }));
    await expect(leaves.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await expect(row(page, "bea@example.org")).toHaveCount(0);
  });

  await test.step("who is removed is out at once", async () => {
    await choose(page, "Actions for Ada", "Remove…");
    await expect(alert(page)).toContainText("Runs that they started");
    await expect(alert(page)).toContainText(
      /The server says what will happen.*Ada \(developer\) is out of the organization/,
    );
    // What was read is what is done: they are another by now.
    await grace.api.request("PATCH", `/members/${ada.address}`, { role: "viewer" });
    await press(page, alert(page).getByRole("button", { name: "Remove" }));
    await expect(alert(page).getByRole("alert")).toContainText("another by now");
    await expect(alert(page)).toContainText("Ada (viewer) is out of the organization");
    expect(await roleOf(grace, ada)).toBe("viewer");
    await accessible(page, "removing a member");
    await press(page, alert(page).getByRole("button", { name: "Remove" }));
    await expect(page.getByText("Ada is removed")).toBeVisible();
    await expect(row(page, "ada@example.org")).toHaveCount(0);
    await expect(hers.getByRole("heading", { name: "Sign in" })).toBeVisible();
  });
});

test("people are invited, written to again, and taken back", async ({ here, page, visitor }) => {
  test.setTimeout(120_000);
  const owner = await founder(house, "Iris", "Guild");
  const other = (await visitor(owner.token, {}, house.url)).page;
  await visit(other, "/settings/members");
  await expect(other.getByText("Nobody is invited")).toBeVisible();

  await test.step("several at once; who is a member already is left over, with the reason", async () => {
    await press(other, other.getByRole("button", { name: "Invite people" }));
    const box = dialog(other).getByLabel("Addresses");
    await expect(box).toBeFocused();
    await other.keyboard.type("nobody");
    await dialog(other)
      .getByRole("button", { name: /^Invite/ })
      .click();
    await expect(dialog(other).getByText("This is no address: nobody").first()).toBeVisible();
    await expect(box).toBeFocused();
    await box.fill("Joan <joan@example.org>, iris@example.org\nmary@example.org");
    await accessible(other, "inviting");
    await dialog(other).getByRole("button", { name: "Invite 3 people" }).click();
    await expect(dialog(other)).toContainText("2 invitations sent, 1 not.");
    await expect(dialog(other)).toContainText("iris@example.org is a member already");
    await expect(box).toHaveValue("iris@example.org");
    await dialog(other).getByRole("button", { name: "Cancel" }).click();
    await expect(dialog(other)).toHaveCount(0);
    await expect(row(other, "joan@example.org")).toContainText("Developer");
    await house.mailed("mary@example.org", "/join");
  });

  await test.step("writing again so soon is refused, and said", async () => {
    await choose(other, "Actions for the invitation of joan@example.org", "Send it again");
    await expect(other.getByText("joan@example.org was not written to")).toBeVisible();
  });

  await test.step("what is taken back leads nowhere", async () => {
    const link = await house.mailed("joan@example.org", "/join");
    await choose(other, "Actions for the invitation of joan@example.org", "Take it back…");
    await press(other, alert(other).getByRole("button", { name: "Take it back" }));
    await expect(row(other, "joan@example.org")).toHaveCount(0);
    const joan = (await visitor(null, {}, house.url)).page;
    await joan.goto(link);
    await expect(joan.getByRole("alert")).toContainText("The link was used, has expired");
  });

  await test.step("where no mail can be sent the page says so", async () => {
    await visit(page, "/settings/members");
    await expect(page.getByText("Nobody can be invited from here")).toBeVisible();
    await expect(page.getByRole("button", { name: "Invite people" })).toHaveCount(0);
    expect(here.url).not.toBe(house.url);
  });
});

test("a token is made with the keyboard, shown once, of use as far as it says, and revoked", async ({
  visitor,
}) => {
  test.setTimeout(120_000);
  const owner = await founder(house, "Thea", "Mint");
  const { page } = await visitor(owner.token, { viewport: PHONE }, house.url);
  await visit(page, "/settings/tokens");
  await press(page, page.getByRole("button", { name: "Make a token", exact: true }));
  await expect(dialog(page).getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog(page).getByText("Choose at least one.").first()).toBeVisible();
  await page.keyboard.type("ci");
  await reach(page, dialog(page).getByRole("checkbox", { name: "read:board" }));
  await page.keyboard.press("Space");
  await accessible(page, "making a token");
  await fits(page, "making a token on a phone");
  await press(page, dialog(page).getByRole("button", { name: "Make the token" }));
  await expect(dialog(page)).toContainText("ci is made");
  const shown = (
    (await dialog(page).getByRole("group", { name: "The token" }).textContent()) ?? ""
  ).trim();
  expect(shown).toMatch(/^fh[a-z]_/);
  await accessible(page, "a token that was made");
  // Closing by a slip is asked about.
  await page.keyboard.press("Escape");
  await press(page, alert(page).getByRole("button", { name: "Back to the token" }));
  await press(page, dialog(page).getByRole("button", { name: "I have copied it" }));
  await expect(dialog(page)).toHaveCount(0);
  expect(await page.content()).not.toContain(shown);

  const program = new Api(house.url, shown);
  expect(await refusal(program.get("/projects"))).toBeNull();
  expect(await refusal(program.get("/runners"))).toBe(403);

  await test.step("one with the same name is refused at the name", async () => {
    await page.getByRole("button", { name: "Make a token", exact: true }).click();
    await dialog(page).getByLabel("Name").fill("ci");
    await dialog(page).getByRole("checkbox", { name: "read:jobs" }).click();
    await dialog(page).getByRole("button", { name: "Make the token" }).click();
    const again = dialog(page)
      .getByText(/ci is made/)
      .or(dialog(page).getByRole("alert").first());
    await expect(again).toBeVisible();
    await page.keyboard.press("Escape");
    await alert(page).getByRole("button").last().click();
  });

  await test.step("a token of the organization's has a role of its own, and never decides", async () => {
    await visit(page, "/settings/tokens");
    await page.getByRole("button", { name: "Make a service token" }).click();
    await expect(dialog(page).getByRole("checkbox", { name: "review" })).toHaveCount(0);
    await dialog(page).getByLabel("Name").fill("deploy");
    const writes = dialog(page).getByRole("checkbox", { name: "write:settings" });
    await writes.click();
    await expect(dialog(page)).toContainText("Takes an admin: useless with the role");
    await dialog(page).getByLabel("Role").selectOption("admin");
    await expect(dialog(page)).not.toContainText("useless with the role");
    await dialog(page).getByRole("button", { name: "Make the token" }).click();
    await dialog(page).getByRole("button", { name: "I have copied it" }).click();
    await expect(row(page, "deploy")).toBeVisible();
  });

  await test.step("what is revoked is refused", async () => {
    await page.getByRole("button", { name: "Revoke ci" }).first().click();
    await alert(page).getByRole("button", { name: "Revoke" }).click();
    await expect(page.getByText("ci is revoked")).toBeVisible();
    await expect.poll(() => refusal(program.get("/projects"))).toBe(401);
  });

  await test.step("a developer sees their own alone", async () => {
    const dora = await joined(house, owner, "Dora", "developer");
    const hers = (await visitor(dora.token, {}, house.url)).page;
    await visit(hers, "/settings/tokens");
    await expect(hers.getByText("You have no token")).toBeVisible();
    await expect(hers.getByRole("heading", { name: "The organization's" })).toHaveCount(0);
  });
});

test("sessions are ended, and a password is changed, without losing this browser", async ({
  visitor,
}) => {
  test.setTimeout(120_000);
  const owner = await founder(house, "Vera", "Vault");
  const { page } = await visitor(owner.token, {}, house.url);
  const other = (await visitor(await again(house, owner), {}, house.url)).page;
  const signIn = (at: Page) => at.getByRole("heading", { name: "Sign in" });
  await visit(other, "/settings");
  await visit(page, "/settings/account");
  await expect(page.getByRole("table", { name: "Where you are signed in" })).toContainText(
    "this one",
  );
  await accessible(page, "the account");

  await test.step("one is signed out from here", async () => {
    const others = page.getByRole("button", { name: /^Sign out (?!all)/ });
    await expect(others).toHaveCount(1);
    await press(page, others);
    await press(page, alert(page).getByRole("button", { name: "Sign it out" }));
    await expect(signIn(other)).toBeVisible();
    await expect(others).toHaveCount(0);
  });

  await test.step("a wrong password changes nothing", async () => {
    await page.getByLabel("Present password").fill("not the password");
    await page.getByLabel("New password").fill("short");
    await page.getByRole("button", { name: "Change the password" }).click();
    await expect(page.getByText(/The password is too short/)).toBeVisible();
    await expect(page.getByLabel("New password")).toBeFocused();
    await page.getByLabel("New password").fill("another tall horse");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("main").getByRole("alert")).toBeVisible();
    await expect(page.locator(":focus").getByRole("alert")).toBeVisible();
  });

  await test.step("the right one signs all others out, and this one goes on", async () => {
    const third = (await visitor(await again(house, owner), {}, house.url)).page;
    await visit(third, "/settings");
    await page.getByLabel("Present password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await expect(page.getByText("The password is changed")).toBeVisible();
    await expect(signIn(third)).toBeVisible();
    await page.reload();
    await expect(page.getByText("vera@example.org")).toBeVisible();
    expect(await refusal(again(house, owner))).toBe(401);
    await again(house, owner, "another tall horse");
  });

  await test.step("all others at once", async () => {
    const fourth = (await visitor(await again(house, owner, "another tall horse"), {}, house.url))
      .page;
    await visit(fourth, "/settings");
    await visit(page, "/settings/account");
    await page.getByRole("button", { name: "Sign out all others…" }).click();
    await alert(page).getByRole("button", { name: "Sign them out" }).click();
    await expect(signIn(fourth)).toBeVisible();
    await expect(
      page.getByText("All other browsers are signed out", { exact: true }),
    ).toBeVisible();
  });
});

test("who goes to another organization goes there in all tabs, and comes back", async ({
  visitor,
}) => {
  test.setTimeout(120_000);
  const owner = await founder(house, "Olga", "Org One");
  await owner.api.request("GET", "/projects");
  const { page, context } = await visitor(owner.token, {}, house.url);
  const tab = await context.newPage();
  await visit(page, "/runs");
  await visit(tab, "/settings/members");
  await expect(tab.getByRole("button", { name: "Organization: Org One" })).toBeVisible();
  await expect(tab.getByText("olga@example.org")).toBeVisible();

  await choose(page, "Organization: Org One", "Make an organization…");
  await expect(dialog(page).getByLabel("Name")).toBeFocused();
  await accessible(page, "making an organization");
  await page.keyboard.press("Enter");
  await expect(dialog(page).getByText("Give the organization a name.").first()).toBeVisible();
  await page.keyboard.type("Org Two");
  // It is said for seconds alone.
  const told = (at: Page) => at.getByText("This tab is in another organization now").waitFor();
  const tabTold = told(tab);
  await page.keyboard.press("Enter");
  await tabTold;
  await expect(page.getByText("Org Two is made, and you are in it")).toBeVisible();
  await expect(page.getByRole("button", { name: "Organization: Org Two" })).toBeVisible();

  // The other tab has followed, says so, and nothing of the first organization is left in it.
  await expect(tab.getByRole("button", { name: "Organization: Org Two" })).toBeVisible();
  await expect(tab).toHaveURL(`${house.url}/`);

  // Both hear of what happens there, by the one stream.
  const there = await tab.evaluate(() => localStorage.getItem("freehold.token"));
  expect(await refusal(owner.api.get("/me"))).toBeNull(); // the token before is good for a minute
  await new Api(house.url, there ?? "").post("/agents", {
    name: "sayer",
    driver: "command",
    command: ["true"],
  });
  for (const one of [page, tab]) {
    await visit(one, "/settings/agents");
    await expect(row(one, "sayer")).toBeVisible();
  }
  await new Api(house.url, there ?? "").post("/agents", {
    name: "second",
    driver: "command",
    command: ["true"],
  });
  for (const one of [page, tab]) await expect(row(one, "second")).toBeVisible();

  // Back from the account's page in the second tab; the first follows, and a reload stays.
  await visit(tab, "/settings/account");
  const pageTold = told(page);
  await tab.getByRole("button", { name: "Go to Org One" }).click();
  await pageTold;
  await expect(page.getByRole("button", { name: "Organization: Org One" })).toBeVisible();
  await visit(page, "/settings/agents");
  await expect(page.getByText("No agent yet")).toBeVisible();
  await page.reload();
  await expect(page.getByRole("button", { name: "Organization: Org One" })).toBeVisible();

  // And by the menu, on a phone.
  await page.setViewportSize(PHONE);
  await page.getByRole("button", { name: "Menu" }).click();
  await expect(dialog(page)).toBeVisible();
  await accessible(page, "the menu of a phone");
  await dialog(page).getByRole("button", { name: "Organization: Org One" }).click();
  await page.getByRole("menuitemcheckbox", { name: /Org Two/ }).click();
  await expect(page.getByText("You are in Org Two now")).toBeVisible();
  await expect(dialog(page)).toHaveCount(0);
  await expect(tab.getByRole("button", { name: "Organization: Org Two" })).toBeVisible();
});

test("the audit log is searched, carried away and checked; others do not see it", async ({
  visitor,
}) => {
  test.setTimeout(120_000);
  const owner = await founder(house, "Alba", "Archive");
  const dev = await joined(house, owner, "Dina", "developer");
  for (let n = 0; n < 60; n += 1) {
    await owner.api.post("/tokens", { name: `t-${n}`, scopes: ["read:board"], days: 7 });
  }
  expect(await refusal(dev.api.get("/audit"))).toBe(403);
  const { page } = await visitor(owner.token, {}, house.url);
  await visit(page, "/settings/audit");
  const table = page.getByRole("table", { name: "Audit log" });
  await expect(page.getByText("The newest 50")).toBeVisible();
  await press(page, page.getByRole("button", { name: "Show older entries" }));
  await expect(page.getByText(/^\d+ entries$/)).toBeVisible();
  await accessible(page, "the audit log");
  await page.setViewportSize(PHONE);
  await fits(page, "the audit log on a phone");

  await test.step("by what, by keyboard", async () => {
    await reach(page, page.getByLabel("What", { exact: true }));
    await page.keyboard.type("invitation.");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/action=invitation/);
    await expect(table.getByRole("button", { name: /invitation\.create/ })).toBeVisible();
    await expect(table.getByRole("button", { name: /token\.create/ })).toHaveCount(0);
  });

  await test.step("what was refused, with who and from where", async () => {
    await page.getByRole("button", { name: "Show all" }).click();
    await page.getByLabel("Who").selectOption({ label: "Dina" });
    await page.getByRole("search").getByRole("button", { name: "Search" }).click();
    const refused = table.getByRole("button", { name: /audit\.read/ });
    await refused.click();
    await expect(dialog(page)).toContainText("Refused");
    await expect(dialog(page)).toContainText("Dina");
    await accessible(page, "an entry");
    await dialog(page).getByRole("button", { name: "All of this kind" }).click();
    await expect(page).toHaveURL(/action=audit\.read/);
  });

  await test.step("nothing found, and days the wrong way round, are said", async () => {
    await visit(page, "/settings/audit?since=2020-01-02&until=2020-01-03");
    await expect(page.getByText("No entry is like that")).toBeVisible();
    await page.getByLabel("From", { exact: true }).fill("2020-01-05");
    await expect(page.getByText("The first day is behind the last one.")).toBeVisible();
  });

  await test.step("the export holds, and a changed one does not", async () => {
    await visit(page, "/settings/audit");
    const command = page.getByRole("group", { name: "How to check an export" });
    const words = ((await command.textContent()) ?? "").trim().split(" ");
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export the log" }).click();
    const file = join(scratch, "audit.jsonl");
    await (await coming).saveAs(file);
    const verify = () =>
      spawnSync(binary(), words.slice(1), { cwd: scratch, env: {}, timeout: 20_000 }).status;
    expect(words.slice(0, 4)).toEqual(["freehold", "audit", "verify", "audit.jsonl"]);
    expect(verify()).toBe(0);
    writeFileSync(file, readFileSync(file, "utf8").replace("token.create", "token.revoke"));
    expect(verify()).not.toBe(0);
  });

  await test.step("a developer is told that it is not for them", async () => {
    const hers = (await visitor(dev.token, {}, house.url)).page;
    await visit(hers, "/settings/audit");
    await expect(hers.getByText("The audit log is for admins")).toBeVisible();
  });
});

test("a machine is signed in where its person is, or turned away", async ({ visitor }) => {
  test.setTimeout(120_000);
  const owner = await founder(house, "Mira", "Machines");
  const { page } = await visitor(owner.token, {}, house.url);
  await visit(page, "/device");

  await test.step("what is no code, and what is nobody's, is said", async () => {
    await reach(page, page.getByLabel("Code"));
    await page.keyboard.type("hello");
    await page.keyboard.press("Enter");
    await expect(page.getByText("A code has eight letters")).toBeVisible();
    await expect(page.getByLabel("Code")).toBeFocused();
    await page.getByLabel("Code").fill("bbbb bbbb");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("main").getByRole("alert")).toBeVisible();
    await accessible(page, "a code that is nobody's");
  });

  const program = login("laptop");
  await test.step("approved by keyboard", async () => {
    await page.getByLabel("Code").fill((await program.code).toLowerCase().replace("-", " "));
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Is this your machine?" })).toBeFocused();
    await expect(page.getByText("laptop", { exact: true })).toBeVisible();
    await expect(page.getByText("Mira, in Machines")).toBeVisible();
    await accessible(page, "a device that asks");
    await press(page, page.getByRole("button", { name: "Sign it in" }));
    await expect(page.getByText("laptop is signed in as you")).toBeVisible();
    expect(await program.ended).toBe(0);
    await page.getByRole("link", { name: "Go to your tokens" }).click();
    await expect(row(page, "laptop")).toBeVisible();
  });

  const stranger = login("stranger");
  await test.step("turned away", async () => {
    await visit(page, "/device");
    await page.getByLabel("Code").fill(await stranger.code);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Turn it away" }).click();
    await expect(page.getByText("stranger is turned away")).toBeVisible();
    expect(await stranger.ended).not.toBe(0);
  });
});

/** `freehold login` on a machine of its own. */
function login(name: string): { code: Promise<string>; ended: Promise<number | null> } {
  const home = mkdtempSync(join(scratch, "home-"));
  const env = { PATH: "/usr/bin:/bin", HOME: home, LANG: "C.UTF-8" };
  const child = spawn(binary(), ["login", "--server", house.url, "--name", name], { env });
  const ended = new Promise<number | null>((done) => {
    child.once("exit", (status) => done(status));
  });
  const code = new Promise<string>((done, fail) => {
    let said = "";
    const hear = (piece: Buffer) => {
      said += piece.toString();
      const found = /\b([B-Z]{4}-[B-Z]{4})\b/.exec(said);
      if (found?.[1]) done(found[1]);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    void ended.then(() => fail(new Error(`freehold login ended: ${said}`)));
  });
  // Whoever asks for neither has failed before.
  code.catch(() => undefined);
  return { code, ended };
}
