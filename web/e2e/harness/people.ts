/** People with accounts, made by script as the pages would make them. */
import { Api } from "./api";
import type { House } from "./house";

export const PASSWORD = "a tall blue horse";

export interface Person {
  name: string;
  address: string;
  api: Api;
  /** The token of a session. */
  token: string;
}

interface Began {
  token: string;
}

const nobody = (house: House) => new Api(house.url, "");

/** The secret behind the `#` of a mail's link. */
const secret = (link: string) => link.slice(link.indexOf("#") + 1).replace(/^.*=/, "");

async function signed(house: House, name: string, address: string, began: Began): Promise<Person> {
  return { name, address, token: began.token, api: new Api(house.url, began.token) };
}

/** Somebody with an organization of their own. */
export async function founder(house: House, name: string, organization: string): Promise<Person> {
  const email = `${name.toLowerCase()}@example.org`;
  const asked = { email, name, organization, password: PASSWORD };
  await nobody(house).post("/registrations", asked);
  const token = secret(await house.mailed(email, "/confirm"));
  const body = { token, password: PASSWORD };
  return signed(house, name, email, await nobody(house).post("/registrations/confirm", body));
}

/** Somebody whom `by` invites, and who comes. */
export async function joined(
  house: House,
  by: Person,
  name: string,
  role: string,
): Promise<Person> {
  const email = `${name.toLowerCase()}@example.org`;
  await by.api.post("/invitations", { email, role });
  const token = secret(await house.mailed(email, "/join"));
  const body = { token, name, password: PASSWORD };
  return signed(house, name, email, await nobody(house).post("/invitations/accept", body));
}

/** Another session of that person, as of another browser. */
export async function again(house: House, person: Person, password = PASSWORD): Promise<string> {
  const body = { email: person.address, password };
  return (await nobody(house).post<Began>("/sign-in/password", body)).token;
}
