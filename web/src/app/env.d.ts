/** Whether this build holds the page of the design system; set by vite.config.ts. */
declare const DESIGN: boolean;
