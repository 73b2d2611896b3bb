/** What this area writes to the server. */

import type { Agent, EnrolToken, Project, Provider } from "../api";
import { api } from "../api/client";
import type { Act } from "../api/confirm";
import type { AgentBody } from "./agent-draft";
import type { editProjectBody, newProjectBody } from "./project-draft";
import type { ProviderBody } from "./provider-draft";

/** A runner tries remotes and endpoints for up to half a minute; the answer needs a way back. */
const PROBE_MS = 45_000;
const TRIED = { timeout: PROBE_MS } as const;

export function addProject(body: ReturnType<typeof newProjectBody>): Promise<Project> {
  return api.post("/projects", { body, ...TRIED });
}

export function editProject(
  project: string,
  body: ReturnType<typeof editProjectBody>,
): Promise<Project> {
  return api.patch("/projects/{project}", { path: { project }, body, ...TRIED });
}

export function addAgent(body: AgentBody): Promise<Agent> {
  return api.post("/agents", { body });
}

export function replaceAgent(
  agent: string,
  body: AgentBody,
): Promise<Agent> {
  return api.put("/agents/{agent}", { path: { agent }, body });
}

/** To be confirmed. */
export function removeAgent(agent: string): Act {
  return (headers) => api.del("/agents/{agent}", { path: { agent }, headers });
}

export function addProvider(body: ProviderBody): Promise<Provider> {
  return api.post("/providers", { body, ...TRIED });
}

export function replaceProvider(
  provider: string,
  body: ProviderBody,
): Promise<Provider> {
  return api.put("/providers/{provider}", { path: { provider }, body, ...TRIED });
}

/** To be confirmed. */
export function removeProvider(provider: string): Act {
  return (headers) => api.del("/providers/{provider}", { path: { provider }, headers });
}

export function makeEnrolToken(): Promise<EnrolToken> {
  return api.post("/runners/tokens", { body: {} });
}

/** To be confirmed. */
export function revokeRunner(runner: string): Act {
  return (headers) => api.del("/runners/{runner}", { path: { runner }, headers });
}
