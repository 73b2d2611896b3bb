/** A receiver of webhooks: it keeps what it was sent, and answers as it was told to. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Hook {
  id: string;
  signature: string;
  timestamp: string;
  body: string;
}

export class Receiver {
  readonly hooks: Hook[] = [];
  private answer = { status: 204, text: "" };

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const receiver = new Receiver(server);
    server.on("request", (request, response) => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (part: string) => {
        body += part;
      });
      request.on("end", () => {
        const header = (name: string) => String(request.headers[name] ?? "");
        const [id, signature] = [header("webhook-id"), header("webhook-signature")];
        receiver.hooks.push({ id, signature, timestamp: header("webhook-timestamp"), body });
        response.writeHead(receiver.answer.status, { "content-type": "text/plain" });
        response.end(receiver.answer.text);
      });
    });
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  says(status: number, text = ""): void {
    this.answer = { status, text };
  }

  end(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
