import { describe, expect, it } from "vitest";
import {
  EMPTY_PROJECT,
  editProjectBody,
  newProjectBody,
  projectFaults,
  withRemote,
} from "./project-draft";

describe("withRemote", () => {
  it("proposes a name until one is typed", () => {
    let draft = withRemote(EMPTY_PROJECT, "git@example.org:team/ap");
    draft = withRemote(draft, "git@example.org:team/app.git");
    expect(draft.name).toBe("app");
    draft = withRemote({ ...draft, name: "mine" }, "git@example.org:team/other.git");
    expect(draft.name).toBe("mine");
  });
});

describe("projectFaults", () => {
  it("lets a new project take the remote's own branch, and no other be without one", () => {
    const draft = { ...EMPTY_PROJECT, name: "demo", remote: "/srv/demo.git" };
    expect(projectFaults(draft, true)).toEqual({});
    expect(projectFaults(draft, false)).toEqual({ target: "branch_empty" });
  });

  it("names each field that is wrong", () => {
    expect(projectFaults({ ...EMPTY_PROJECT, target: "a..b" }, true)).toEqual({
      remote: "remote_empty",
      name: "name_empty",
      target: "branch_shape",
    });
    const outside = { ...EMPTY_PROJECT, name: "demo", remote: "/srv/demo.git", directory: "../x" };
    expect(projectFaults(outside, true)).toEqual({ directory: "folder_shape" });
  });
});

describe("bodies", () => {
  const draft = {
    remote: " /srv/demo.git ",
    name: " demo ",
    target: " ",
    directory: " ",
    egress: "none",
  } as const;

  it("are without the blanks that were pasted", () => {
    expect(newProjectBody(draft)).toEqual({
      name: "demo",
      remote: "/srv/demo.git",
      target: null,
      egress: "none",
      directory: null,
    });
    expect(newProjectBody({ ...draft, directory: " services/api " }).directory).toBe(
      "services/api",
    );
  });

  it("hold only what changed", () => {
    const before = { name: "demo", target: "main", egress: "registries" } as const;
    expect(editProjectBody({ ...draft, target: "main" }, before)).toEqual({ egress: "none" });
    expect(
      editProjectBody({ ...draft, name: "x", target: "dev", egress: "registries" }, before),
    ).toEqual({
      name: "x",
      target: "dev",
    });
  });

  it("say the whole repository by an empty folder", () => {
    const api = {
      name: "demo",
      target: "main",
      egress: "none",
      directory: "services/api",
    } as const;
    const same = { ...draft, target: "main", directory: "services/api" };
    expect(editProjectBody(same, api)).toEqual({});
    expect(editProjectBody({ ...same, directory: "" }, api)).toEqual({ directory: "" });
  });
});
