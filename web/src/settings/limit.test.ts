import { describe, expect, it } from "vitest";
import { LIMIT_MAX_S, limitText, readLimit } from "./limit";

describe("readLimit", () => {
  it("reads what people write", () => {
    expect(readLimit("90s")).toEqual({ seconds: 90 });
    expect(readLimit(" 10m ")).toEqual({ seconds: 600 });
    expect(readLimit("1h30m")).toEqual({ seconds: 5400 });
    expect(readLimit("1H 30 M")).toEqual({ seconds: 5400 });
    expect(readLimit("7d")).toEqual({ seconds: LIMIT_MAX_S });
    expect(readLimit("45")).toEqual({ seconds: 2700 });
  });

  it.each(["", "soon", "m", "1w", "-1s", "1.5h", "10m x"])("refuses %j by its shape", (text) => {
    expect(readLimit(text)).toEqual({ fault: "limit_shape" });
  });

  it.each(["0s", "0", "8d", "9999999h"])("refuses %j by its size", (text) => {
    expect(readLimit(text)).toEqual({ fault: "limit_range" });
  });
});

describe("limitText", () => {
  it("is read back as the same number", () => {
    for (const seconds of [1, 59, 60, 90, 3600, 5400, 86_399, LIMIT_MAX_S]) {
      expect(readLimit(limitText(seconds))).toEqual({ seconds });
    }
    expect(limitText(3600)).toBe("1h");
    expect(limitText(5400)).toBe("1h 30m");
    expect(limitText(0)).toBe("0s");
  });
});
