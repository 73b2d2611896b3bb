import { useState } from "react";
import { api } from "../api/client";
import { useForm } from "../settings/form/use-form";
import { account } from "../strings/account";
import { Button } from "../ui";
import { addressFault } from "./account-faults";
import { AddressField } from "./account-fields";
import { AccountForm } from "./account-form";
import { Said } from "./said";

const words = account.forgotten;

/** Asks for the mail with which a new password is set; says the same whoever has the address. */
export function ForgottenForm() {
  const [sent, setSent] = useState<string | null>(null);
  const form = useForm({
    initial: { address: "" },
    faults: (draft) => ({ address: addressFault(draft.address) }),
    async send({ address }) {
      const email = address.trim();
      await api.post("/password/forgot", { body: { email }, token: null });
      setSent(email);
    },
  });
  if (sent !== null) {
    return (
      <Said title={words.sentTitle} action={<Again onAgain={() => setSent(null)} />}>
        <p>{words.sent(sent)}</p>
        <p>{words.nothing}</p>
      </Said>
    );
  }
  return (
    <AccountForm form={form} submit={words.submit}>
      <AddressField form={form} />
    </AccountForm>
  );
}

function Again({ onAgain }: { onAgain: () => void }) {
  return <Button onClick={onAgain}>{words.other}</Button>;
}
