import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { type EditMember, isProblem, type Me, type Member, toProblem } from "../api";
import { Choice } from "../settings/form/choice";
import { errorAt, Form } from "../settings/form/form";
import { FormDialog } from "../settings/form/form-dialog";
import { MeanwhileDialog } from "../settings/form/meanwhile";
import { useEdited } from "../settings/form/use-edited";
import { people, roles } from "../strings/people";
import { settings } from "../strings/settings";
import { Button, Callout, Checkbox, toast } from "../ui";
import { editMember, lookAtMember } from "./calls";
import {
  isLastOwner,
  lowers,
  type MemberDraft,
  memberChange,
  reviewsByRole,
  rolesToGive,
  undoOf,
} from "./members";
import { refreshPeople } from "./refresh";

const words = people.editDialog;

interface EditMemberProps {
  member: Member;
  members: readonly Member[];
  me: Me;
  onClose: () => void;
}

/** What a member may do. */
export function EditMemberDialog(props: EditMemberProps) {
  return (
    <FormDialog title={words.title(props.member.name)} onClose={props.onClose}>
      {(changed) => <Fields {...props} onChanged={changed} />}
    </FormDialog>
  );
}

function Fields({
  member,
  members,
  me,
  onClose,
  onChanged,
}: EditMemberProps & { onChanged: (dirty: boolean) => void }) {
  const client = useQueryClient();
  const self = member.user === me.user;
  const edited = useEdited<MemberDraft, Member>({
    seen: member,
    empty: draftOf(member),
    draftOf,
    look: () => lookAtMember(member.user),
    // There is one already.
    add: () => Promise.resolve(member),
    async save(draft, seen, ifMatch) {
      const change = memberChange(seen, draft);
      if (change === null) return seen;
      const after = await editMember(seen.user, change, ifMatch);
      tell(client, seen, after, change, !(self && lowers(seen, draft.role)));
      refreshPeople(client);
      return after;
    },
    onSaved: onClose,
    faults: ({ role }) =>
      role !== member.role && isLastOwner(member, members) ? { role: words.lastOwner } : {},
    fieldOf: (problem) => (isProblem(problem, "last_owner") ? "role" : null),
  });
  const { form } = edited;
  const { draft } = form;
  useEffect(() => onChanged(form.dirty), [form.dirty, onChanged]);
  const lowered = lowers(member, draft.role);
  return (
    <Form
      form={form}
      names={{ role: words.role }}
      submit={words.submit}
      actions={<Button onClick={onClose}>{settings.cancel}</Button>}
    >
      <MeanwhileDialog edited={edited} names={{ role: words.role, review: words.review }} />
      <Choice
        legend={words.role}
        value={draft.role}
        error={errorAt(form, "role")}
        onChange={(role) => form.set("role", role)}
        options={rolesToGive(me.role).map((role) => ({ value: role, ...roles[role] }))}
      />
      <fieldset className="flex flex-col gap-1">
        <legend className="pb-1 font-medium text-ink text-sm">{words.review}</legend>
        <Checkbox
          label={words.reviewLabel}
          hint={reviewsByRole(draft.role) ? words.reviewByRole : words.reviewHint}
          checked={draft.review}
          onCheckedChange={(review) => form.set("review", review)}
        />
      </fieldset>
      {lowered && (
        <Callout tone="warn">
          {self && <p>{words.lowerSelf}</p>}
          <p>{words.lower}</p>
        </Callout>
      )}
    </Form>
  );
}

function draftOf({ role, review }: Member): MemberDraft {
  return { role, review };
}

function tell(
  client: QueryClient,
  before: Member,
  after: Member,
  change: EditMember,
  undoable: boolean,
) {
  const { name } = after;
  const undo = async () => {
    try {
      await editMember(before.user, undoOf(before, change));
      toast.show({ title: people.undone(name), tone: "ok" });
    } catch (error) {
      const { detail, title } = toProblem(error);
      toast.show({ title: people.undoFailed(name), body: detail || title, tone: "danger" });
    }
    refreshPeople(client);
  };
  toast.show({
    title:
      change.role == null ? people.reviewsNow(name, after.review) : people.edited(name, after.role),
    tone: "ok",
    action: undoable ? { label: people.undo, onSelect: () => void undo() } : undefined,
  });
}
