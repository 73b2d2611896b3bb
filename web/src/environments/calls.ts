import { api, type Environment } from "../api";

export function startEnvironment(project: string): Promise<Environment> {
  return api.post("/projects/{project}/environments", { path: { project } });
}

export function stopEnvironment(environment: string): Promise<Environment> {
  return api.post("/environments/{environment}/stop", { path: { environment } });
}
