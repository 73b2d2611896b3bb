/** What these pages ask for and write. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import {
  allPages,
  api,
  type Webhook,
  type WebhookDelivery,
  type WebhookEvent,
  type WebhookMade,
} from "../api";

const PAGE = 200;
/** Deliveries that are loaded at a time. */
const DELIVERIES = 50;
/** No hint tells of deliveries; what became of one is seen this soon. */
const LOOK_AGAIN_MS = 5_000;

export const webhookKeys = {
  all: ["webhooks"] as const,
  list: ["webhooks", "list"] as const,
  one: (id: string) => ["webhooks", "one", id] as const,
  deliveries: (id: string) => ["webhooks", "deliveries", id] as const,
  delivery: (webhook: string, id: string) => ["webhooks", "delivery", webhook, id] as const,
};

const CHANGING = { staleTime: 0, refetchInterval: LOOK_AGAIN_MS, refetchOnWindowFocus: true };

export const webhookQueries = {
  list: () =>
    queryOptions({
      queryKey: webhookKeys.list,
      queryFn: ({ signal }) =>
        allPages((after) => api.get("/webhooks", { query: { after, limit: PAGE }, signal })),
      ...CHANGING,
    }),

  one: (id: string) =>
    queryOptions({
      queryKey: webhookKeys.one(id),
      queryFn: ({ signal }) => api.get("/webhooks/{webhook}", { path: { webhook: id }, signal }),
      ...CHANGING,
    }),

  deliveries: (id: string) =>
    infiniteQueryOptions({
      queryKey: webhookKeys.deliveries(id),
      queryFn: ({ pageParam, signal }) =>
        api.get("/webhooks/{webhook}/deliveries", {
          path: { webhook: id },
          query: { after: pageParam, limit: DELIVERIES },
          signal,
        }),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.next ?? undefined,
      ...CHANGING,
    }),

  /** Shows content, which leaves an entry in the audit log: asked for when it is opened, and never by itself. */
  delivery: (webhook: string, id: string) =>
    queryOptions({
      queryKey: webhookKeys.delivery(webhook, id),
      queryFn: ({ signal }) =>
        api.get("/webhooks/{webhook}/deliveries/{delivery}", {
          path: { webhook, delivery: id },
          signal,
        }),
      staleTime: 0,
      refetchOnWindowFocus: false,
    }),
} as const;

export function addWebhook(address: string, events: WebhookEvent[]): Promise<WebhookMade> {
  return api.post("/webhooks", { body: { address, events } });
}

export interface WebhookEdit {
  address?: string;
  events?: WebhookEvent[];
  paused?: boolean;
}

export function lookAtWebhook(webhook: string): Promise<Webhook> {
  return api.get("/webhooks/{webhook}", { path: { webhook } });
}

export function editWebhook(
  webhook: string,
  body: WebhookEdit,
  ifMatch?: string,
): Promise<Webhook> {
  return api.patch("/webhooks/{webhook}", { path: { webhook }, body, ifMatch });
}

export function removeWebhook(webhook: string): Promise<unknown> {
  return api.del("/webhooks/{webhook}", { path: { webhook } });
}

export function rotateWebhook(webhook: string): Promise<WebhookMade> {
  return api.post("/webhooks/{webhook}/rotate", { path: { webhook } });
}

export function testWebhook(webhook: string): Promise<WebhookDelivery> {
  return api.post("/webhooks/{webhook}/test", { path: { webhook } });
}

export function replayDelivery(webhook: string, delivery: string): Promise<WebhookDelivery> {
  return api.post("/webhooks/{webhook}/deliveries/{delivery}/replay", {
    path: { webhook, delivery },
  });
}
