import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { isProblem, type Me, type Role, toProblem } from "../api";
import { upperFirst } from "../lib/text";
import { Choice } from "../settings/form/choice";
import { Form } from "../settings/form/form";
import { FormDialog } from "../settings/form/form-dialog";
import { useForm } from "../settings/form/use-form";
import { invitations, roles } from "../strings/people";
import { settings } from "../strings/settings";
import { Button, Callout, Checkbox, Field, Textarea, toast } from "../ui";
import { ADDRESSES_MAX, readAddresses } from "./addresses";
import { invite } from "./calls";
import { rolesToGive } from "./members";
import { refreshPeople } from "./refresh";

const words = invitations.dialog;

interface Draft {
  addresses: string;
  role: Role;
  review: boolean;
}

function addressesFault(text: string): string | undefined {
  const { good, wrong } = readAddresses(text);
  if (wrong[0] !== undefined) return words.addressesWrong(wrong[0]);
  if (good.length === 0) return words.addressesNone;
  return good.length > ADDRESSES_MAX ? words.addressesMany(ADDRESSES_MAX) : undefined;
}

/** Invites one or more people. */
export function InviteDialog({ me, onClose }: { me: Me; onClose: () => void }) {
  return (
    <FormDialog title={words.title} onClose={onClose}>
      {(changed) => <Fields me={me} onChanged={changed} onClose={onClose} />}
    </FormDialog>
  );
}

interface Left {
  address: string;
  why: string;
}

function Fields({
  me,
  onChanged,
  onClose,
}: {
  me: Me;
  onChanged: (dirty: boolean) => void;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [left, setLeft] = useState<{ done: number; of: readonly Left[] } | null>(null);
  const form = useForm<Draft>({
    initial: { addresses: "", role: "developer", review: false },
    faults: ({ addresses }) => {
      const fault = addressesFault(addresses);
      return fault === undefined ? {} : { addresses: fault };
    },
    async send({ addresses, role, review }) {
      setLeft(null);
      const { good } = readAddresses(addresses);
      const refused: Left[] = [];
      // One after the other: of each is known whether it went out.
      for (const [at, address] of good.entries()) {
        try {
          await invite(address, role, review);
        } catch (error) {
          if (good.length === 1) throw error;
          const { detail, title } = toProblem(error);
          const why = upperFirst(detail || title);
          refused.push({ address, why });
          // Those behind would fare the same.
          if (!isProblem(error) || isProblem(error, "too_many")) {
            refused.push(...good.slice(at + 1).map((rest) => ({ address: rest, why })));
            break;
          }
        }
      }
      refreshPeople(client);
      const done = good.length - refused.length;
      if (refused.length === 0) {
        toast.show({ title: words.done(done), tone: "ok" });
        onClose();
      } else {
        form.set("addresses", refused.map(({ address }) => address).join("\n"));
        setLeft({ done, of: refused });
      }
    },
  });
  const { draft } = form;
  useEffect(() => onChanged(form.dirty), [form.dirty, onChanged]);
  const n = readAddresses(draft.addresses).good.length;
  return (
    <Form
      form={form}
      names={{ addresses: words.addresses }}
      submit={words.submit(n)}
      status={words.sending}
      actions={<Button onClick={onClose}>{settings.cancel}</Button>}
    >
      <Field
        label={words.addresses}
        hint={words.addressesHint}
        error={form.fault("addresses")}
        required
      >
        <Textarea
          value={draft.addresses}
          onChange={(event) => form.set("addresses", event.target.value)}
          onBlur={() => form.left("addresses")}
          inputMode="email"
          autoCapitalize="none"
          spellCheck={false}
        />
      </Field>
      {left !== null && (
        <div role="alert">
          <Callout tone="warn" title={words.partly(left.done, left.of.length)}>
            <ul className="list-disc pl-4">
              {left.of.map(({ address, why }) => (
                <li key={address}>{words.why(address, why)}</li>
              ))}
            </ul>
          </Callout>
        </div>
      )}
      <Choice
        legend={words.role}
        columns={2}
        value={draft.role}
        onChange={(role) => form.set("role", role)}
        options={rolesToGive(me.role).map((role) => ({ value: role, ...roles[role] }))}
      />
      <Checkbox
        label={words.review}
        hint={words.reviewHint}
        checked={draft.review}
        onCheckedChange={(review) => form.set("review", review)}
      />
    </Form>
  );
}
