/**
 * A provider of identities: npm `oidc-provider`, as the tests of the server use it (`crates/testkit/oidc`). Who signs
 * in there is whom the test named last: it shows no form.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(import.meta.dirname, "../../..");
const PROGRAM = join(ROOT, "crates/testkit/oidc/provider.mjs");
/** Where `scripts/install test` put what it needs. */
const PLACE = join(ROOT, "target/oidc");
const SECRET = "s3cret of: a test+%&";

export class Identities {
  private constructor(
    private readonly child: ChildProcess,
    readonly issuer: string,
    private readonly dir: string,
    /** For the server's `--oidc`. */
    readonly file: string,
  ) {}

  static async start(): Promise<Identities> {
    const client = { client_id: "freehold", client_secret: SECRET, redirect_uris: [] as string[] };
    client.redirect_uris.push("https://nowhere.example/");
    const words = ["--input-type=module", "--eval", readFileSync(PROGRAM, "utf8")];
    const child = spawn(process.execPath, [...words, "--", JSON.stringify(client)], {
      cwd: PLACE,
      env: { PATH: "/usr/bin:/bin" },
      stdio: ["ignore", "pipe", "ignore"],
    });
    let issuer = "";
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith("http")) issuer = line;
      if (issuer !== "") break;
    }
    if (issuer === "") throw new Error("no provider of identities: run scripts/install test");
    const dir = mkdtempSync(join(tmpdir(), "freehold-oidc-"));
    writeFileSync(join(dir, "secret"), SECRET, { mode: 0o600 });
    const file = join(dir, "oidc.toml");
    const provider = `[[provider]]\nname = "corp"\nlabel = "Example Corp"\nissuer = "${issuer}"
client_id = "freehold"\nclient_secret_file = "secret"\n`;
    writeFileSync(file, provider, { mode: 0o600 });
    return new Identities(child, issuer, dir, file);
  }

  /** Another file for `--oidc`: these organizations may go by its groups. */
  withGroups(organizations: string[]): string {
    const file = join(this.dir, "groups.toml");
    const more = `scopes = ["profile", "email", "groups"]\ngroups_claim = "groups"\norganizations = ${JSON.stringify(organizations)}\n`;
    writeFileSync(file, readFileSync(this.file, "utf8") + more, { mode: 0o600 });
    return file;
  }

  /** Who signs in from now on; nobody says yes where null. */
  async who(sub: string | null, claims: object = {}): Promise<void> {
    await this.tell("who", sub === null ? null : { sub, claims });
  }

  /** One more address that browsers are sent back to. */
  async sendsBackTo(address: string): Promise<void> {
    await this.tell("back", address);
  }

  private async tell(what: string, said: unknown): Promise<void> {
    const url = `${this.issuer}/test/${what}`;
    const answer = await fetch(url, { method: "POST", body: JSON.stringify(said) });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  }

  end(): void {
    this.child.kill("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  }
}
