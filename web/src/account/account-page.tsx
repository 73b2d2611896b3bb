import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type Account, peopleQueries } from "../api";
import { SettingsFrame } from "../settings/settings-frame";
import { accountPage as words } from "../strings/account-page";
import { ErrorState, Skeleton } from "../ui";
import { Organizations } from "./organizations";
import { PasswordForm } from "./password-form";
import { Sessions } from "./sessions";

export default function AccountPage() {
  const account = useQuery(peopleQueries.account());
  return (
    <SettingsFrame title={words.title} lead={words.lead}>
      <div className="flex flex-col gap-8">
        {account.data === undefined && account.isError ? (
          <ErrorState problem={account.error} retry={() => account.refetch()} />
        ) : (
          <Who account={account.data} />
        )}
        <Sessions />
        <Organizations />
        {account.data !== undefined && (
          <section className="flex flex-col gap-2">
            <h2 className="font-semibold text-lg">{words.password.title}</h2>
            {account.data.password ? (
              <PasswordForm address={account.data.email ?? ""} />
            ) : (
              <p className="text-muted">{words.password.none}</p>
            )}
          </section>
        )}
      </div>
    </SettingsFrame>
  );
}

function Who({ account }: { account: Account | undefined }) {
  return (
    <section className="flex flex-col gap-2">
      <h2 className="font-semibold text-lg">{words.who.title}</h2>
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-6 gap-y-1.5 rounded-lg border border-line bg-surface px-4 py-3">
        <Fact name={words.who.name}>{account && <bdi>{account.name}</bdi>}</Fact>
        <Fact name={words.who.address}>{account && (account.email ?? words.who.noAddress)}</Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted text-sm">{name}</dt>
      <dd className="min-w-0 break-words">{children ?? <Skeleton className="my-0.5 w-40" />}</dd>
    </>
  );
}
