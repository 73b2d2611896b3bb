/**
 * A server where whoever asks gets an account, and its mail: over the database of an installation of its own, whose
 * first server (`freehold up`) lets nobody in. The two share no content, only its name: nothing may run here.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { Api } from "./api";
import { Installation } from "./installation";
import { until } from "./wait";

/** What makes it a server of the same installation. */
const SHARED = ["client.json", "database.json", "keys/seal.key", "blobs/content-id"];

export class House {
  private constructor(
    private readonly here: Installation,
    readonly url: string,
    private readonly mail: string,
  ) {}

  /** `words` are more of the server's; a function gets the id of the first organization. */
  static async open(words: string[] | ((tenant: string) => string[]) = []): Promise<House> {
    const here = await Installation.start();
    try {
      if (Array.isArray(words)) return await House.beside(here, words);
      const { tenant } = await here.api.get<{ tenant: string }>("/me");
      return await House.beside(here, words(tenant));
    } catch (error) {
      const told = here.told();
      await here.end();
      throw new Error(`${error}\n${told}`);
    }
  }

  private static async beside(here: Installation, words: string[]): Promise<House> {
    const data = join(here.root, "house");
    const mail = `${data}-mail`;
    for (const dir of [data, join(data, "keys"), join(data, "blobs")]) {
      mkdirSync(dir, { mode: 0o700 });
    }
    for (const file of SHARED) {
      copyFileSync(join(here.root, "data", file), join(data, file));
    }
    const people = ["--registration", "open", "--mail-dir", mail, ...words];
    const url = await here.startBeside("the server", ["server", "--data", data, ...people]);
    return new House(here, url, mail);
  }

  /** The link to that page of the mail to that address. */
  mailed(to: string, path: string): Promise<string> {
    return until(`a mail to ${to} with a link to ${path}`, () => {
      const names = existsSync(this.mail) ? readdirSync(this.mail) : [];
      for (const name of names.filter((one) => one.endsWith(".eml"))) {
        const text = readFileSync(join(this.mail, name), "utf8");
        const at = text.indexOf(`${this.url}${path}#`);
        if (text.includes(`To: ${to}\r\n`) && at >= 0) return /^\S+/.exec(text.slice(at))?.[0];
      }
      return null;
    });
  }

  /** The first organization's owner, at this server. */
  get owner(): Api {
    return new Api(this.url, this.here.token);
  }

  end(): Promise<void> {
    return this.here.end();
  }
}
