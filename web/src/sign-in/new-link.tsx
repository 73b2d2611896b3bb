import { signIn as words } from "../strings/sign-in";
import { CodeBlock } from "../ui";

/** How one comes by a link that works. */
export function NewLink() {
  return (
    <section className="flex flex-col gap-2 border-line border-t pt-4">
      <h2 className="font-medium">{words.newLinkTitle}</h2>
      <p className="text-muted">{words.newLink}</p>
      <CodeBlock text={words.newLinkCommand} label={words.newLinkTitle} />
      <p className="text-faint text-sm">{words.newLinkData}</p>
    </section>
  );
}
