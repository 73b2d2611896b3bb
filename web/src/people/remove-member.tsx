import { useQueryClient } from "@tanstack/react-query";
import type { Member } from "../api";
import { people } from "../strings/people";
import { ConfirmedDialog, toast } from "../ui";
import { removeMember } from "./calls";
import { refreshPeople } from "./refresh";

const words = people.removeDialog;

/** Removes a member, and says first what goes with them. */
export function RemoveMember({ member, onClose }: { member: Member; onClose: () => void }) {
  const client = useQueryClient();
  return (
    <ConfirmedDialog
      what="member.remove"
      act={removeMember(member.user)}
      onClose={onClose}
      title={words.title(member.name)}
      body={<WhatEnds lines={words.body} back={words.back} />}
      confirm={words.confirm}
      onDone={() => {
        refreshPeople(client);
        toast.show({ title: words.done(member.name), tone: "ok" });
      }}
    />
  );
}

export function WhatEnds({ lines, back }: { lines: readonly string[]; back: string }) {
  return (
    <div className="flex flex-col gap-2">
      <ul className="list-disc pl-4">
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <p>{back}</p>
    </div>
  );
}
