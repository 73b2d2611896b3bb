import { useState } from "react";
import { api } from "../api/client";
import { useForm } from "../settings/form/use-form";
import { account } from "../strings/account";
import { addressFault, nameFault, newPasswordFault, organizationFault } from "./account-faults";
import { AddressField, NameField, NewPasswordField, OrganizationField } from "./account-fields";
import { AccountForm } from "./account-form";
import { Said } from "./said";

const words = account.register;

/** Asks for an account, with an organization of its own where people may make some. */
export function RegisterForm({ organizations }: { organizations: boolean }) {
  const [sent, setSent] = useState<string | null>(null);
  const form = useForm({
    initial: { name: "", organization: "", address: "", password: "" },
    faults: (draft) => ({
      name: nameFault(draft.name),
      organization: organizations ? organizationFault(draft.organization) : undefined,
      address: addressFault(draft.address),
      password: newPasswordFault(draft.password),
    }),
    async send({ name, organization, address, password }) {
      const email = address.trim();
      const own = organizations ? organization.trim() : null;
      const body = { name: name.trim(), email, password, organization: own };
      await api.post("/registrations", { body, token: null });
      setSent(email);
    },
  });
  if (sent !== null) {
    return (
      <Said title={words.sentTitle}>
        <p>{words.sent(sent)}</p>
        <p>{account.forgotten.nothing}</p>
      </Said>
    );
  }
  return (
    <AccountForm form={form} submit={words.submit}>
      <NameField form={form} />
      {organizations && <OrganizationField form={form} />}
      <AddressField form={form} />
      <NewPasswordField form={form} label={account.password} />
    </AccountForm>
  );
}
