/** What is wrong with what was typed, and when to try again. Pure; the server judges the rest. */

import { account as words } from "../strings/account";

/** As the server counts: characters, not what they are stored in. */
const PASSWORD_MIN = 12;

export function addressFault(text: string): string | undefined {
  return /^[^\s@]+@[^\s@]+$/.test(text.trim()) ? undefined : words.faults.address;
}

export function passwordFault(text: string): string | undefined {
  return text === "" ? words.faults.password : undefined;
}

export function newPasswordFault(text: string): string | undefined {
  const missing = PASSWORD_MIN - [...text].length;
  return missing > 0 ? words.faults.short(missing) : undefined;
}

export function nameFault(text: string): string | undefined {
  return text.trim() === "" ? words.faults.name : undefined;
}

export function organizationFault(text: string): string | undefined {
  return text.trim() === "" ? words.faults.organization : undefined;
}

/** Seconds are counted up to here; people plan in minutes beyond. */
const SECONDS_MAX = 90;
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const CLOCK_SECONDS = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** When it is worth trying again, by this machine's clock; null where the server does not say. */
export function againAt(seconds: number | null | undefined, now: number): string | null {
  if (seconds === null || seconds === undefined || seconds <= 0) return null;
  if (seconds <= SECONDS_MAX) {
    return words.again.seconds(seconds, CLOCK_SECONDS.format(now + seconds * 1_000));
  }
  const minutes = Math.ceil(seconds / 60);
  return words.again.minutes(minutes, CLOCK.format(now + minutes * 60_000));
}
