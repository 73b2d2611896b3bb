/** Whether this build holds the page of the design system; set by vite.config.ts. */
declare const DESIGN: boolean;
/** The version of the program that this build belongs to; empty where that is unknown. */
declare const BUILD_VERSION: string;
