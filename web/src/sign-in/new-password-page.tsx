import { useState } from "react";
import { api } from "../api/client";
import { useForm } from "../settings/form/use-form";
import { account } from "../strings/account";
import { newPasswordFault } from "./account-faults";
import { NewPasswordField } from "./account-fields";
import { AccountForm } from "./account-form";
import { stillGood } from "./enter";
import { MailedPage, NoToken, useMailedToken } from "./mailed-page";
import { Said } from "./said";

const words = account.reset;

/** Where the mail leads that sets a new password. */
export default function NewPasswordPage() {
  const token = useMailedToken("reset");
  return (
    <MailedPage title={words.title} lead={token === null ? undefined : words.lead}>
      {token === null ? <NoToken /> : <NewPasswordForm key={token} token={token} />}
    </MailedPage>
  );
}

function NewPasswordForm({ token }: { token: string }) {
  const [done, setDone] = useState(false);
  const form = useForm({
    initial: { password: "" },
    faults: (draft) => ({ password: newPasswordFault(draft.password) }),
    async send({ password }) {
      await api.post("/password/reset", { body: { token, password }, token: null });
      // This browser's session has ended as well, where it was that person's.
      await stillGood().catch(() => false);
      setDone(true);
    },
  });
  if (done) {
    return (
      <Said title={words.doneTitle}>
        <p>{words.done}</p>
      </Said>
    );
  }
  return (
    <AccountForm form={form} submit={words.submit}>
      <NewPasswordField form={form} />
    </AccountForm>
  );
}
