import { describe, expect, it } from "vitest";
import {
  branchFault,
  endpointFault,
  folderFault,
  labelsText,
  modelFault,
  nameFault,
  pathFault,
  projectName,
  readLabels,
  readPaths,
  remoteFault,
  variableFault,
} from "./rules";

describe("names", () => {
  it("are those that the engine takes", () => {
    for (const good of ["demo", "My-App_2.0", "a", "x".repeat(64)])
      expect(nameFault(good)).toBeNull();
    expect(nameFault("")).toBe("name_empty");
    expect(nameFault("-x")).toBe("name_start");
    expect(nameFault(".git")).toBe("name_start");
    expect(nameFault("x".repeat(65))).toBe("name_long");
    for (const bad of ["a/b", "a b", "ä", "a\n", "<script>"])
      expect(nameFault(bad)).toBe("name_shape");
  });
});

describe("remotes", () => {
  it.each([
    "git@example.org:team/app.git",
    "example.org:app",
    "https://example.org/team/app.git",
    "https://me@example.org:8443/app",
    "ssh://git@[::1]:2222/app.git",
    "http://localhost:3000/app.git",
    "file:///srv/git/app.git",
    "/srv/git/app.git",
  ])("takes %s", (remote) => {
    expect(remoteFault(remote)).toBeNull();
  });

  it.each([
    ["", "remote_empty"],
    ["x".repeat(2049), "remote_long"],
    ["https://example.org/a b", "remote_blank"],
    ["https://example.org/a%0ab", "remote_blank"],
    ["git://example.org/app", "remote_scheme"],
    ["ftp://example.org/app", "remote_scheme"],
    ["https://me:secret@example.org/app", "remote_secret"],
    ["https://ghp_abc@example.org/app", "remote_secret"],
    ["https://example.org/app?x=1", "remote_query"],
    ["https://example.org", "remote_repository"],
    ["https://example.org/", "remote_repository"],
    ["git@example.org:", "remote_repository"],
    ["ext::sh -c x", "remote_blank"],
    ["ext::sh", "remote_shape"],
    ["--upload-pack=x", "remote_shape"],
    ["../app", "remote_shape"],
    ["app", "remote_shape"],
    ["file://relative", "remote_shape"],
  ])("refuses %j: %s", (remote, fault) => {
    expect(remoteFault(remote)).toBe(fault);
  });

  it("propose a name", () => {
    expect(projectName("git@example.org:team/my-app.git")).toBe("my-app");
    expect(projectName("https://example.org/team/My App/")).toBe("My-App");
    expect(projectName("/srv/git/.hidden.git")).toBe("hidden");
    expect(projectName("https://example.org/日本")).toBe("");
    expect(projectName("")).toBe("");
  });
});

describe("branches", () => {
  it("are short names by git's rules", () => {
    for (const good of ["main", "release/1.0", "a@b", "feature/ä"])
      expect(branchFault(good)).toBeNull();
    expect(branchFault("refs/heads/main")).toBe("branch_prefix");
    expect(branchFault("HEAD")).toBe("branch_reserved");
    expect(branchFault("-x")).toBe("branch_reserved");
    expect(branchFault("x".repeat(241))).toBe("branch_long");
    for (const bad of [
      "a..b",
      "a b",
      "a/",
      "/a",
      "a//b",
      ".a",
      "a/.b",
      "a.lock",
      "a.",
      "a~1",
      "a@{1",
    ]) {
      expect(branchFault(bad)).toBe("branch_shape");
    }
  });
});

describe("endpoints", () => {
  it("need TLS beyond this machine and private networks", () => {
    for (const good of [
      "https://api.example.org/v1",
      "http://127.0.0.1:11434",
      "http://localhost:8000/v1",
      "http://192.168.1.5:8000",
      "http://[::1]:9/v1",
      "http://[fd00::1]/v1",
    ]) {
      expect(endpointFault(good)).toBeNull();
    }
    expect(endpointFault("http://api.example.org/v1")).toBe("address_plain");
    expect(endpointFault("http://172.32.0.1/")).toBe("address_plain");
    expect(endpointFault("http://10.evil.example/")).toBe("address_plain");
  });

  it("hold no secret, no query and a host", () => {
    expect(endpointFault(" ")).toBe("address_empty");
    expect(endpointFault("api.example.org")).toBe("address_shape");
    expect(endpointFault("file:///etc")).toBe("address_shape");
    expect(endpointFault("https://me:key@example.org")).toBe("address_secret");
    expect(endpointFault("https://example.org/v1?key=1")).toBe("address_query");
    expect(endpointFault("https://example.org/v1#a")).toBe("address_query");
  });
});

describe("the rest", () => {
  it("a variable is named, and a key is none", () => {
    expect(variableFault("OPENAI_API_KEY")).toBeNull();
    expect(variableFault("")).toBe("variable_empty");
    for (const bad of ["sk-secret", "1A", "A B", "$A"])
      expect(variableFault(bad)).toBe("variable_shape");
  });

  it("labels are pairs and given once", () => {
    expect(readLabels("gpu=a100, os=linux\n arch=arm=64 ")).toEqual({
      labels: { gpu: "a100", os: "linux", arch: "arm=64" },
    });
    expect(readLabels("")).toEqual({ labels: {} });
    expect(readLabels("gpu")).toEqual({ fault: "label_shape" });
    expect(readLabels("=a")).toEqual({ fault: "label_shape" });
    expect(readLabels("gpu=a gpu=b")).toEqual({ fault: "label_twice" });
    expect(readLabels("__proto__=a")).toEqual({ labels: Object.fromEntries([["__proto__", "a"]]) });
    expect(readLabels(labelsText({ a: "1", b: "2" }))).toEqual({ labels: { a: "1", b: "2" } });
  });

  it("paths are absolute, one a line", () => {
    expect(readPaths(" /opt/my agent \n\n/srv/x\n")).toEqual(["/opt/my agent", "/srv/x"]);
    expect(pathFault("/opt")).toBeNull();
    expect(pathFault("opt")).toBe("path_relative");
    expect(pathFault("~/bin")).toBe("path_relative");
  });

  it("a model is no option", () => {
    expect(modelFault("qwen3:8b")).toBeNull();
    expect(modelFault("")).toBeNull();
    expect(modelFault("--help")).toBe("model_shape");
  });
});

describe("folderFault", () => {
  it("takes a plain path from the root and names what is wrong with another", () => {
    for (const good of ["", ".", "services/api", "services/api/", "a b/ü"]) {
      expect(folderFault(good)).toBeNull();
    }
    for (const bad of ["../a", "a/../b", "a//b", "a/./b", "x/.GIT"]) {
      expect(folderFault(bad)).toBe("folder_shape");
    }
    expect(folderFault("/etc")).toBe("folder_absolute");
    for (const bad of ["a*", "a\\b", "a\nb", "-a", ":a"]) {
      expect(folderFault(bad)).toBe("folder_special");
    }
    expect(folderFault("x".repeat(1025))).toBe("folder_long");
  });
});
