import type { ReactNode } from "react";
import { api } from "../api/client";
import type { NewSession } from "../api/types";
import { useForm } from "../settings/form/use-form";
import { account as words } from "../strings/account";
import { addressFault, passwordFault } from "./account-faults";
import { AddressField, PasswordField } from "./account-fields";
import { AccountForm } from "./account-form";

/** Signs in with an address and a password. */
export function PasswordForm({
  onSession,
  actions,
}: {
  onSession: (session: NewSession) => void;
  actions?: ReactNode;
}) {
  const form = useForm({
    initial: { address: "", password: "" },
    faults: (draft) => ({
      address: addressFault(draft.address),
      password: passwordFault(draft.password),
    }),
    async send({ address, password }) {
      const body = { email: address.trim(), password };
      onSession(await api.post("/sign-in/password", { body, token: null }));
    },
  });
  return (
    <AccountForm form={form} submit={words.signIn} actions={actions}>
      <AddressField form={form} />
      <PasswordField form={form} />
    </AccountForm>
  );
}
