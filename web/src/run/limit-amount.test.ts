import { describe, expect, it } from "vitest";
import { amount } from "./limit-amount";

describe("amount", () => {
  it("has the limit's unit and never looks smaller than it is", () => {
    expect(amount("memory", 2 * 1024 ** 3)).toBe("2 GiB");
    expect(amount("memory", 2 * 1024 ** 3 + 1)).toBe("2.1 GiB");
    expect(amount("output_rate", 1024 ** 2)).toBe("1 MiB/s");
    expect(amount("tasks", 4096)).toBe("4,096");
    expect(amount("cpu", 1500)).toBe("1.5");
    expect(amount("disk", 12)).toBe("12 B");
  });
});
