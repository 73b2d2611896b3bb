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

export function lookAtProject(project: string): Promise<Project> {
  return api.get("/projects/{project}", { path: { project } });
}

export function editProject(
  project: string,
  body: ReturnType<typeof editProjectBody>,
  ifMatch: string | undefined,
): Promise<Project> {
  return api.patch("/projects/{project}", { path: { project }, body, ifMatch, ...TRIED });
}

export function addAgent(body: AgentBody): Promise<Agent> {
  return api.post("/agents", { body });
}

export function lookAtAgent(agent: string): Promise<Agent> {
  return api.get("/agents/{agent}", { path: { agent } });
}

export function replaceAgent(
  agent: string,
  body: AgentBody,
  ifMatch: string | undefined,
): Promise<Agent> {
  return api.put("/agents/{agent}", { path: { agent }, body, ifMatch });
}

/** To be confirmed. */
export function removeAgent(agent: string): Act {
  return (headers) => api.del("/agents/{agent}", { path: { agent }, headers });
}

export function addProvider(body: ProviderBody): Promise<Provider> {
  return api.post("/providers", { body, ...TRIED });
}

export function lookAtProvider(provider: string): Promise<Provider> {
  return api.get("/providers/{provider}", { path: { provider } });
}

export function replaceProvider(
  provider: string,
  body: ProviderBody,
  ifMatch: string | undefined,
): Promise<Provider> {
  return api.put("/providers/{provider}", { path: { provider }, body, ifMatch, ...TRIED });
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
