import { describe, expect, it } from "vitest";
import { fragmentToken, mailedToken, readCredential } from "./credential";

const SECRET = "AAECAwQFBgcICQoLDA0ODxAREhM";
const LINK = `fhs_${SECRET}.0a1b2c`;
const USER = `fhu_${SECRET}.0a1b2c`;

describe("readCredential", () => {
  it("finds the token in a link, in a line of the terminal, and alone", () => {
    for (const text of [
      `http://localhost:8080/sign-in#${LINK}`,
      `  sign in     http://127.0.0.1:8080/sign-in#${LINK}\n`,
      LINK,
    ]) {
      expect(readCredential(text)).toEqual({ kind: "link", token: LINK });
    }
  });

  it("finds the owner's token alone and in client.json", () => {
    for (const text of [USER, `{"url":"http://localhost:8080","token":"${USER}"}`]) {
      expect(readCredential(text)).toEqual({ kind: "token", token: USER });
    }
  });

  it("says why it does not take something", () => {
    expect(readCredential(" \n")).toEqual({ kind: "refused", why: "empty" });
    expect(readCredential("hunter2")).toEqual({ kind: "refused", why: "unknown" });
    expect(readCredential(LINK.slice(0, -3))).toEqual({ kind: "refused", why: "cut" });
    expect(readCredential(`fhe_${SECRET}.0a1b2c#ffff`)).toEqual({ kind: "refused", why: "runner" });
  });
});

describe("mailedToken", () => {
  it("takes the token that the page is for, and no other", () => {
    expect(mailedToken("confirmation", `#fhc_${SECRET}.0a1b2c`)).toBe(`fhc_${SECRET}.0a1b2c`);
    expect(mailedToken("reset", "#fhw_cut")).toBe("fhw_cut");
    expect(mailedToken("invitation", "#fhi_x")).toBe("fhi_x");
    for (const hash of ["", "#", "#fhi_", "#fhc_x", `#${LINK}`, "#fhi_with space"]) {
      expect(mailedToken("invitation", hash)).toBeNull();
    }
  });
});

describe("fragmentToken", () => {
  it("takes what looks like a sign-in token, whole or not: the server judges it", () => {
    expect(fragmentToken(`#${LINK}`)).toBe(LINK);
    expect(fragmentToken("#fhs_cut")).toBe("fhs_cut");
  });

  it("leaves other fragments alone", () => {
    for (const hash of ["", "#", "#section", `#${USER}`, "#%E0%A4%A", "#fhs_with space"]) {
      expect(fragmentToken(hash)).toBeNull();
    }
  });
});
