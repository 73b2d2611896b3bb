import { describe, expect, it, vi } from "vitest";
import { Session, type Store } from "./session";

function memory(): Store & { map: Map<string, string> } {
  const map = new Map<string, string>();
  return {
    map,
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, value),
    removeItem: (key) => void map.delete(key),
  };
}

describe("Session", () => {
  it("is shared by the tabs of a browser", () => {
    const store = memory();
    const [one, two] = [new Session(store), new Session(store)];
    const told = vi.fn();
    two.subscribe(told);
    one.begin("t");
    two.changedElsewhere("freehold.token");
    expect(told).toHaveBeenLastCalledWith("t");
    one.end("signed-out");
    two.changedElsewhere("freehold.token");
    expect(two.token()).toBeNull();
    expect(two.why()).toBe("signed-out");
  });

  it("does not care for other keys of the storage", () => {
    const told = vi.fn();
    const session = new Session(memory());
    session.subscribe(told);
    session.changedElsewhere("freehold.theme");
    expect(told).not.toHaveBeenCalled();
  });

  it("lasts as long as the page where storage is forbidden", () => {
    const forbidden = () => {
      throw new DOMException("denied", "SecurityError");
    };
    const session = new Session({ getItem: forbidden, setItem: forbidden, removeItem: forbidden });
    session.begin("t");
    expect(session.token()).toBe("t");
    session.end("refused", "t");
    expect(session.token()).toBeNull();
  });
});
