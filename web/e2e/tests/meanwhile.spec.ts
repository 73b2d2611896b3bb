/** Two people who change the same settings: the second is told, sees what changed, and chooses. */
import { accessible, press, visit } from "../harness/studio";
import { expect, test } from "../harness/test";

interface Seen {
  name: string;
  target: string;
  egress: string;
}

test("a project that somebody else changed meanwhile is not overwritten unasked", async ({
  api,
  page,
  project,
}) => {
  const seen = () => api.get<Seen>(`/projects/${project.id}`);
  await visit(page, `/projects/${project.id}/settings`);
  const name = page.getByLabel("Name");
  const dialog = page.getByRole("dialog", { name: "Somebody changed it meanwhile" });

  await test.step("what both changed is shown, with what nobody here sees", async () => {
    await name.fill(`${project.name}-mine`);
    await api.request("PATCH", `/projects/${project.id}`, {
      name: `${project.name}-theirs`,
      egress: "none",
    });
    await press(page, page.getByRole("button", { name: "Save" }));
    await expect(dialog).toContainText(`${project.name}-theirs`);
    await expect(dialog).toContainText(`${project.name}-mine`);
    await expect(dialog).toContainText("registriesnonenot changed");
    await accessible(page, "two changes of one project");
    expect((await seen()).name).toBe(`${project.name}-theirs`);
  });

  await test.step("left alone, what was typed is still there", async () => {
    await page.keyboard.press("Escape");
    await expect(dialog).toHaveCount(0);
    await expect(name).toHaveValue(`${project.name}-mine`);
  });

  await test.step("mine is kept, and what only they changed as well", async () => {
    await press(page, page.getByRole("button", { name: "Save" }));
    await press(page, dialog.getByRole("button", { name: "Keep mine" }));
    await expect(page.getByText("Saved. It holds for runs")).toBeVisible();
    expect(await seen()).toMatchObject({ name: `${project.name}-mine`, egress: "none" });
  });

  await test.step("or theirs is taken", async () => {
    await name.fill(`${project.name}-again`);
    await api.request("PATCH", `/projects/${project.id}`, { name: `${project.name}-last` });
    await press(page, page.getByRole("button", { name: "Save" }));
    await press(page, dialog.getByRole("button", { name: "Take theirs" }));
    await expect(name).toHaveValue(`${project.name}-last`);
    expect((await seen()).name).toBe(`${project.name}-last`);
  });
});

test("an agent is changed from the state that was seen", async ({ api, here, page }) => {
  const agent = here.name("meanwhile");
  const { id } = await api.agent(agent, "true");
  await visit(page, "/settings/agents");
  await page.getByRole("button", { name: agent, exact: true }).click();
  const form = page.getByRole("dialog", { name: `Edit ${agent}` });
  await form.getByLabel("Name").fill(`${agent}-mine`);
  const command = ["sh", "-c", "exit 3"];
  await api.request("PUT", `/agents/${id}`, { name: agent, driver: "command", command });
  await form.getByRole("button", { name: "Save" }).click();
  const dialog = page.getByRole("dialog", { name: "Somebody changed it meanwhile" });
  await expect(dialog).toContainText("exit 3");
  await press(page, dialog.getByRole("button", { name: "Save both" }));
  await expect(form).toHaveCount(0);
  const saved = await api.get<{ name: string; command: string[] }>(`/agents/${id}`);
  expect(saved).toMatchObject({ name: `${agent}-mine`, command });
});
