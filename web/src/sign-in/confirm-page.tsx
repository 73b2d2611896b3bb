import { api } from "../api/client";
import { useForm } from "../settings/form/use-form";
import { account } from "../strings/account";
import { passwordFault } from "./account-faults";
import { PasswordField } from "./account-fields";
import { AccountForm } from "./account-form";
import { MailedPage, NoToken, useGoHome, useMailedToken } from "./mailed-page";
import { useArrive } from "./use-arrive";

const words = account.confirm;

/** Where the mail leads that confirms an address. */
export default function ConfirmPage() {
  const token = useMailedToken("confirmation");
  return (
    <MailedPage title={words.title} lead={token === null ? undefined : words.lead}>
      {token === null ? <NoToken /> : <ConfirmForm key={token} token={token} />}
    </MailedPage>
  );
}

function ConfirmForm({ token }: { token: string }) {
  const arrive = useArrive(useGoHome());
  const form = useForm({
    initial: { password: "" },
    faults: (draft) => ({ password: passwordFault(draft.password) }),
    async send({ password }) {
      const body = { token, password };
      arrive(await api.post("/registrations/confirm", { body, token: null }));
    },
  });
  return (
    <AccountForm form={form} submit={words.submit}>
      <PasswordField form={form} />
    </AccountForm>
  );
}
