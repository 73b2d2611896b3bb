/** The documents on the wire, by the names that everyone uses. Made from the API's description. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type AccessToken = Schemas["AccessToken"];
export type Account = Schemas["Account"];
export type Agent = Schemas["Agent"];
export type Asked = Schemas["Asked"];
export type AuditEntry = Schemas["AuditEntry"];
export type AuditHead = Schemas["AuditHead"];
export type Base = Schemas["Base"];
export type BrowserSession = Schemas["BrowserSession"];
export type Card = Schemas["Card"];
export type CardEvent = Schemas["CardEvent"];
export type Check = Schemas["Check"];
export type Device = Schemas["Device"];
export type EditMember = Schemas["EditMember"];
export type Egress = Schemas["Egress"];
export type EnrolToken = Schemas["EnrolToken"];
export type Environment = Schemas["Environment"];
export type Evidence = Schemas["Evidence"];
export type GroupRole = Schemas["GroupRole"];
export type InboxItem = Schemas["InboxItem"];
export type Invitation = Schemas["Invitation"];
export type Key = Schemas["Key"];
export type Lane = Schemas["Lane"];
export type Me = Schemas["Me"];
export type Member = Schemas["Member"];
export type NewAgent = Schemas["NewAgent"];
export type NewCard = Schemas["NewCard"];
export type NewKey = Schemas["NewKey"];
export type NewProject = Schemas["NewProject"];
export type NewSession = Schemas["NewSession"];
export type NewServiceToken = Schemas["NewServiceToken"];
export type NewToken = Schemas["NewToken"];
export type NewProvider = Schemas["NewProvider"];
export type Organization = Schemas["Organization"];
export type Project = Schemas["Project"];
export type Provider = Schemas["Provider"];
export type PutGroupRole = Schemas["PutGroupRole"];
export type Reason = Schemas["Reason"];
export type Review = Schemas["Review"];
export type ReviewFile = Schemas["ChangedFile"];
export type ReviewFlag = Schemas["FileFlag"];
export type Role = Schemas["Role"];
export type Run = Schemas["Run"];
/** Gap-free within a run: `seq` counts from 1. */
export type RunEvent = Schemas["Event"];
export type Runner = Schemas["Runner"];
export type Machine = Schemas["Machine"];
export type Scope = Schemas["Scope"];
export type Seats = Schemas["Seats"];
export type RunState = Schemas["State"];
export type Step = Schemas["Step"];
export type LinkedIdentity = Schemas["LinkedIdentity"];
export type SignInProvider = Schemas["SignInProvider"];
export type TokenMade = Schemas["TokenMade"];
export type SignInWays = Schemas["SignInWays"];
export type InvitationSeen = Schemas["InvitationSeen"];
export type Usage = Schemas["Usage"];
export type Webhook = Schemas["Webhook"];
export type WebhookAttempt = Schemas["WebhookAttempt"];
export type WebhookDelivery = Schemas["WebhookDelivery"];
export type WebhookDeliveryShown = Schemas["WebhookDeliveryShown"];
export type WebhookEvent = Schemas["WebhookEvent"];
export type WebhookMade = Schemas["WebhookMade"];

export interface Page<T> {
  items: T[];
  next: string | null;
}

/** From left to right. */
export const LANES: readonly Lane[] = ["Backlog", "Planning", "Build", "Test", "Review", "Done"];
