/**
 * Watches every page of a browser context for what no page may ever do: break its own content security policy,
 * ask another origin for anything, throw, complain on the console, open a dialog of the browser.
 */
import type { BrowserContext, ConsoleMessage, Page, Request } from "@playwright/test";

/** The browser's own words on an answer that is no success; what the page makes of it is what a test looks at. */
const EXPECTED = /^Failed to load resource: /;

export class Guard {
  private readonly found: string[] = [];

  private constructor(
    private readonly origin: string,
    private readonly elsewhere: string | null,
  ) {}

  /** `elsewhere` is an origin that pages may lead to, and ask nothing of. */
  static async watch(
    context: BrowserContext,
    origin: string,
    elsewhere: string | null = null,
  ): Promise<Guard> {
    const guard = new Guard(origin, elsewhere);
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(
          `policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`,
        );
      });
    });
    context.on("request", (request) => guard.asked(request));
    context.on("console", (message) => guard.heard(message));
    context.on("weberror", (error) =>
      guard.say(`uncaught: ${error.error().stack ?? error.error()}`),
    );
    context.on("dialog", (dialog) => {
      guard.say(`a dialog: ${dialog.message()}`);
      // "Leave this page?" is the browser's to ask when something typed would be lost; nothing else is.
      void dialog.dismiss().catch(() => undefined);
    });
    context.on("page", (page) => guard.crashes(page));
    return guard;
  }

  private say(what: string): void {
    this.found.push(what);
  }

  private asked(request: Request): void {
    const url = request.url();
    const { origin, protocol } = new URL(url);
    if (origin === this.elsewhere && request.isNavigationRequest()) return;
    if (origin !== this.origin && protocol !== "data:" && protocol !== "blob:")
      this.say(`asked elsewhere: ${url}`);
  }

  private heard(message: ConsoleMessage): void {
    const bad = message.type() === "error" || message.text().includes("Content Security Policy");
    if (bad && !EXPECTED.test(message.text())) this.say(`console: ${message.text()}`);
  }

  private crashes(page: Page): void {
    page.on("crash", () => this.say("the page crashed"));
  }

  /** Forgets what a test provoked on purpose; gives it, so that the test can look at it. */
  take(): string[] {
    return this.found.splice(0);
  }

  check(): void {
    const found = this.take();
    if (found.length > 0)
      throw new Error(`what no page may do:\n${[...new Set(found)].slice(0, 20).join("\n")}`);
  }
}
