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

  it("keeps when it is to be renewed, and takes the next token for the present one alone", () => {
    const store = memory();
    const [one, two] = [new Session(store), new Session(store)];
    one.begin("t", "2026-11-22T00:00:00Z");
    expect(two.renewAt()).toBe(Date.parse("2026-11-22T00:00:00Z"));
    expect(two.replace("t", "u", "2026-11-23T00:00:00Z")).toBe(true);
    expect([one.token(), one.renewAt()]).toEqual(["u", Date.parse("2026-11-23T00:00:00Z")]);
    expect(one.replace("t", "v")).toBe(false);
    one.end("signed-out");
    two.changedElsewhere("freehold.token");
    expect([store.map.size, two.renewAt()]).toEqual([0, null]);
    expect(two.replace("u", "v")).toBe(false);
  });

  it("tells when it went to another organization, here or in another tab", () => {
    const store = memory();
    const one = new Session(store);
    one.begin("t", undefined, "navy");
    const two = new Session(store);
    const moves = vi.fn(() => two.moves());
    two.subscribe(moves);
    // Renewed where it is: nothing that is shown changes.
    one.replace("t", "u", undefined, "navy");
    two.changedElsewhere("freehold.token");
    expect([one.moves(), two.moves()]).toEqual([0, 0]);
    one.replace("u", "v", undefined, "army");
    expect([one.moves(), one.followed(), two.moves()]).toEqual([1, false, 0]);
    two.changedElsewhere("freehold.token");
    expect([two.moves(), two.followed(), two.organization()]).toEqual([1, true, "army"]);
    expect(moves).toHaveLastReturnedWith(1);
    // A renewal that does not say where it is stays there.
    one.replace("v", "w");
    expect(one.organization()).toBe("army");
  });

  it("learns where it is from the server, each tab by itself", () => {
    const store = memory();
    const [one, two] = [new Session(store), new Session(store)];
    one.begin("t");
    two.changedElsewhere("freehold.token");
    one.learn("t", "navy");
    two.learn("t", "navy");
    one.learn("an older one", "army");
    expect(two.organization()).toBe("navy");
    one.replace("t", "u", undefined, "army");
    two.changedElsewhere("freehold.token");
    expect([one.moves(), two.moves()]).toEqual([1, 1]);
    // Somebody else, who was nowhere before.
    one.end("signed-out");
    one.begin("x", undefined, "navy");
    expect([one.moves(), one.organization()]).toEqual([1, "navy"]);
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
