export * from "./problem";
export * from "./types";
