import { useState } from "react";
import type { SignInProvider } from "../api/types";
import { account } from "../strings/account";
import { Button } from "../ui";
import { Refusal } from "./account-form";
import { setOut } from "./provider";

const words = account.providers;

interface ProviderButtonsProps {
  providers: readonly SignInProvider[];
  /** Where one wanted to be. */
  back?: string;
  /** The token of an invitation that is accepted with it. */
  invitation?: string;
}

/** A button for each provider of identities: each leads away from this page. */
export function ProviderButtons({ providers, back, invitation }: ProviderButtonsProps) {
  const [going, setGoing] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);

  async function go(provider: string) {
    setGoing(provider);
    setProblem(null);
    try {
      const url = await setOut({ provider, purpose: "sign-in", back, invitation });
      window.location.assign(url);
    } catch (refused) {
      setProblem(refused);
      setGoing(null);
    }
  }

  if (providers.length === 0) return null;
  return (
    <section aria-label={words.label} className="flex flex-col gap-2">
      <Refusal problem={problem} />
      {providers.map(({ name, title }) => (
        <Button
          key={name}
          busy={going === name}
          disabled={going !== null && going !== name}
          onClick={() => go(name)}
          className="w-full"
        >
          {invitation === undefined ? words.signIn(title) : words.join(title)}
        </Button>
      ))}
    </section>
  );
}
