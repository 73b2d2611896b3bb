import { type Me, type Member, session } from "../api";
import { people } from "../strings/people";
import { ConfirmedDialog, Dialog } from "../ui";
import { leave } from "./calls";
import { isLastOwner } from "./members";
import { WhatEnds } from "./remove-member";

const words = people.leaveDialog;

interface LeaveProps {
  me: Me;
  members: readonly Member[];
  onClose: () => void;
}

/** Leaves the organization; the last owner is told why not, because the server would refuse. */
export function LeaveDialog({ me, members, onClose }: LeaveProps) {
  const self = members.find((one) => one.user === me.user);
  const close = (open: boolean) => {
    if (!open) onClose();
  };
  if (self !== undefined && isLastOwner(self, members)) {
    return (
      <Dialog
        open
        size="sm"
        onOpenChange={close}
        title={words.lastTitle}
        description={words.last}
      />
    );
  }
  return (
    <ConfirmedDialog
      what="member.leave"
      act={leave}
      onClose={onClose}
      title={words.title(me.tenant_name)}
      body={<WhatEnds lines={words.body} back={words.back} />}
      confirm={words.confirm}
      onDone={() => {
        // The session was of this organization, and is void.
        session.end("signed-out");
      }}
    />
  );
}
