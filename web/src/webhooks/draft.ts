/** A webhook as a form has it, and what is wrong with it. Pure; the server judges addresses. */

import type { Webhook, WebhookEvent } from "../api";
import { events, webhooks } from "../strings/webhooks";

const words = webhooks.form;

export type Told = keyof typeof events;

/** In the order of the form. */
export const EVENTS = Object.keys(events) as Told[];

/** The server's own bound. */
const ADDRESS_MAX = 2000;

/** An operator may allow these, for what runs beside the server; nobody is on the way. */
const LOOPBACK = /^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/i;

export interface WebhookDraft {
  address: string;
  events: readonly Told[];
}

export const EMPTY: WebhookDraft = {
  address: "",
  events: ["run.review_needed", "run.input_needed", "run.landed", "run.failed"],
};

export function draftOf({ address, events }: Pick<Webhook, "address" | "events">): WebhookDraft {
  return { address, events: inOrder(events) };
}

/** Each once, in the order of the form; what a newer server knows besides is kept at the end. */
export function inOrder(chosen: readonly WebhookEvent[]): Told[] {
  const known = EVENTS.filter((one) => chosen.includes(one));
  const more = chosen.filter((one): one is Told => !EVENTS.includes(one as Told));
  return [...known, ...new Set(more)];
}

export function toggled(chosen: readonly Told[], event: Told, on: boolean): Told[] {
  return inOrder(on ? [...chosen, event] : chosen.filter((one) => one !== event));
}

export function webhookFaults({ address, events }: WebhookDraft): {
  address?: string;
  events?: string;
} {
  const fault = addressFault(address.trim());
  return {
    ...(fault === null ? {} : { address: fault }),
    ...(events.length === 0 ? { events: words.eventsNone } : {}),
  };
}

function addressFault(address: string): string | null {
  if (address === "") return words.addressEmpty;
  if (!/^https:\/\//i.test(address) && !LOOPBACK.test(address)) return words.addressHttps;
  return new TextEncoder().encode(address).length > ADDRESS_MAX ? words.addressLong : null;
}

/** Only what differs; null where nothing does. */
export function webhookChange(
  before: WebhookDraft,
  draft: WebhookDraft,
): { address?: string; events?: Told[] } | null {
  const address = draft.address.trim();
  const change = {
    ...(address === before.address ? {} : { address }),
    ...(sameEvents(before.events, draft.events) ? {} : { events: [...draft.events] }),
  };
  return Object.keys(change).length === 0 ? null : change;
}

export function sameEvents(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}

/** The part of an address that tells it from others: its host, and where the path ends. */
export function shortAddress(address: string): string {
  return address.replace(/^https?:\/\//i, "");
}
