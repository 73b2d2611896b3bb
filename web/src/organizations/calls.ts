/** Going to another organization, and making one. */

import { api, exchange, type NewSession, type Organization } from "../api";

/** All tabs of the browser go there. */
export function enterOrganization(organization: string): Promise<NewSession> {
  return exchange(() =>
    api.post("/account/organizations/{organization}/enter", { path: { organization } }),
  );
}

export function makeOrganization(name: string): Promise<Organization> {
  return api.post("/account/organizations", { body: { name } });
}
