import { branchFault, folderFault, nameFault, projectName, remoteFault } from "./rules";

/** What may be reached from inside, least first. */
export const EGRESS = ["none", "registries", "open"] as const;
export type Egress = (typeof EGRESS)[number];

export interface ProjectDraft {
  remote: string;
  name: string;
  /** Empty: the remote's default branch. */
  target: string;
  /** Empty: all of the repository. */
  directory: string;
  egress: Egress;
}

export const EMPTY_PROJECT: ProjectDraft = {
  remote: "",
  name: "",
  target: "",
  directory: "",
  egress: "registries",
};

/** The draft with another remote; the name follows as long as nobody typed one. */
export function withRemote(draft: ProjectDraft, remote: string): ProjectDraft {
  const follows = draft.name === "" || draft.name === projectName(draft.remote.trim());
  return { ...draft, remote, name: follows ? projectName(remote.trim()) : draft.name };
}

export type ProjectField = keyof ProjectDraft;
export type ProjectFault =
  | NonNullable<ReturnType<typeof nameFault>>
  | NonNullable<ReturnType<typeof remoteFault>>
  | NonNullable<ReturnType<typeof branchFault>>
  | NonNullable<ReturnType<typeof folderFault>>
  | "branch_empty";
export type ProjectFaults = Partial<Record<ProjectField, ProjectFault>>;

/** What is wrong with the draft, by field. The target may be left out of a new project alone. */
export function projectFaults(draft: ProjectDraft, isNew: boolean): ProjectFaults {
  const faults: ProjectFaults = {};
  const remote = isNew ? remoteFault(draft.remote.trim()) : null;
  if (remote !== null) faults.remote = remote;
  const name = nameFault(draft.name.trim());
  if (name !== null) faults.name = name;
  const target = draft.target.trim();
  const branch = target === "" ? (isNew ? null : ("branch_empty" as const)) : branchFault(target);
  if (branch !== null) faults.target = branch;
  const folder = folderFault(draft.directory.trim());
  if (folder !== null) faults.directory = folder;
  return faults;
}

export function newProjectBody(draft: ProjectDraft) {
  const [target, directory] = [draft.target.trim(), draft.directory.trim()];
  return {
    name: draft.name.trim(),
    remote: draft.remote.trim(),
    target: target === "" ? null : target,
    egress: draft.egress,
    directory: directory === "" ? null : directory,
  };
}

/** Only what differs: what is absent stays, and no runner is asked for a branch that did not change. */
export function editProjectBody(
  draft: ProjectDraft,
  before: { name: string; target: string; egress: Egress; directory?: string | null },
): { name?: string; target?: string; egress?: Egress; directory?: string } {
  const [name, target] = [draft.name.trim(), draft.target.trim()];
  const directory = draft.directory.trim();
  return {
    ...(name === before.name ? {} : { name }),
    ...(target === before.target ? {} : { target }),
    ...(draft.egress === before.egress ? {} : { egress: draft.egress }),
    // Empty is a word here: the whole repository again.
    ...(directory === (before.directory ?? "") ? {} : { directory }),
  };
}
