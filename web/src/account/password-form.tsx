import { useQueryClient } from "@tanstack/react-query";
import { peopleKeys } from "../api";
import { Unsaved } from "../settings/form/unsaved";
import { useForm } from "../settings/form/use-form";
import { newPasswordFault } from "../sign-in/account-faults";
import { AccountForm } from "../sign-in/account-form";
import { account } from "../strings/account";
import { accountPage } from "../strings/account-page";
import { Field, Input, toast } from "../ui";
import { changePassword } from "./calls";

const words = accountPage.password;
const EMPTY = { current: "", password: "" };

/** Another password for oneself; the present one shows that it is oneself. */
export function PasswordForm({ address }: { address: string }) {
  const client = useQueryClient();
  const form = useForm({
    initial: EMPTY,
    faults: ({ current, password }) => ({
      current: current === "" ? words.currentNone : undefined,
      password: newPasswordFault(password),
    }),
    async send({ current, password }) {
      await changePassword(current, password);
      form.reset(EMPTY);
      void client.invalidateQueries({ queryKey: peopleKeys.sessions });
      toast.show({ title: words.done, body: words.doneBody, tone: "ok" });
    },
  });
  return (
    <div className="flex max-w-sm flex-col gap-3">
      <p className="text-muted">{words.hint}</p>
      <AccountForm form={form} submit={words.submit}>
        {/* Password managers look for whose password it is. */}
        <input type="text" autoComplete="username" value={address} readOnly hidden />
        <Field label={words.current} error={form.fault("current")} required>
          <Input
            name="current"
            type="password"
            autoComplete="current-password"
            value={form.draft.current}
            onChange={(event) => form.set("current", event.target.value)}
          />
        </Field>
        <Field
          label={words.next}
          hint={account.newPasswordHint}
          error={form.fault("password")}
          required
        >
          <Input
            name="password"
            type="password"
            autoComplete="new-password"
            value={form.draft.password}
            onChange={(event) => form.set("password", event.target.value)}
            onBlur={() => form.draft.password !== "" && form.left("password")}
          />
        </Field>
      </AccountForm>
      <Unsaved dirty={() => form.dirty} />
    </div>
  );
}
