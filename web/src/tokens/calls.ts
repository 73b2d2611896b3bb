/** What these pages write to the server. */

import { api, type Device, type Role, type Scope, type TokenMade } from "../api";
import type { Kind } from "./scopes";

export interface TokenWish {
  name: string;
  scopes: Scope[];
  /** Null: what its person is at the time. */
  role: Role | null;
  days: number;
}

export function makeToken(kind: Kind, { name, scopes, role, days }: TokenWish): Promise<TokenMade> {
  if (kind === "own") return api.post("/tokens", { body: { name, scopes, role, days } });
  return api.post("/service-tokens", { body: { name, scopes, role: role ?? "viewer", days } });
}

export function revokeToken(kind: Kind, token: string): Promise<unknown> {
  if (kind === "own") return api.del("/tokens/{token}", { path: { token } });
  return api.del("/service-tokens/{token}", { path: { token } });
}

export function lookAtDevice(user_code: string): Promise<Device> {
  return api.post("/device/look", { body: { user_code } });
}

export function decideOnDevice(user_code: string, yes: boolean): Promise<Device> {
  return yes
    ? api.post("/device/approve", { body: { user_code } })
    : api.post("/device/deny", { body: { user_code } });
}
