import { type FormEvent, useState } from "react";
import { signIn as words } from "../strings/sign-in";
import { Button, Field, Input } from "../ui";
import { readCredential } from "./credential";

/** For a link that cannot be opened here, or a token. */
export function PasteForm({ busy, onToken }: { busy: boolean; onToken: (token: string) => void }) {
  const [text, setText] = useState("");
  const [tried, setTried] = useState(false);
  const found = readCredential(text);

  function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (found.kind !== "refused") onToken(found.token);
  }

  return (
    <form noValidate onSubmit={submit} className="flex flex-col gap-2">
      <Field
        label={words.pasteLabel}
        hint={words.pasteHint}
        error={tried && found.kind === "refused" ? words.refused[found.why] : undefined}
        required
      >
        <Input
          // Hidden like a password, because it is worth one until it is used.
          type="password"
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.target.value)}
          spellCheck={false}
          className="font-mono text-sm"
        />
      </Field>
      <div>
        <Button type="submit" variant="primary" busy={busy}>
          {words.submit}
        </Button>
      </div>
    </form>
  );
}
