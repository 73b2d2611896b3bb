/** Which path takes and gives what, taken from the API's description. Types only. */

import type { paths } from "./schema";

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

/** The paths that a method knows. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [key in Lowercase<M>]: { responses: unknown } }
    ? P
    : never;
}[keyof paths];

type Operation<M extends Method, P> = P extends keyof paths
  ? Lowercase<M> extends keyof paths[P]
    ? paths[P][Lowercase<M>]
    : never
  : never;

type Json<R> = R extends { content: { "application/json": infer A } } ? A : null;

/** What the server gives back; null where it gives nothing. */
export type AnswerOf<M extends Method, P> =
  Operation<M, P> extends { responses: infer R }
    ? Json<R[Extract<keyof R, 200 | 201 | 202 | 204>]>
    : never;

type Path<O> = O extends { parameters: { path: infer V } } ? { path: V } : unknown;
type Query<O> = O extends { parameters: { query?: infer V } }
  ? [V] extends [undefined]
    ? unknown
    : object extends V
      ? { query?: V }
      : { query: V }
  : unknown;
type Body<O> = O extends { requestBody: { content: { "application/json": infer V } } }
  ? { body: V }
  : O extends { requestBody?: { content: { "application/json": infer V } } }
    ? { body?: V }
    : unknown;

/** What a call of that route takes, beside the headers. */
export type InputOf<M extends Method, P> = Path<Operation<M, P>> &
  Query<Operation<M, P>> &
  Body<Operation<M, P>>;
