import { useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import type { Environment, Project } from "../api";
import { toProblem } from "../api/problem";
import { keys } from "../api/queries";
import { environments as words } from "../strings/environments";
import { Button, Menu, toast } from "../ui";
import { startEnvironment } from "./calls";
import { startable } from "./lives";

interface StartEnvironmentProps {
  projects: readonly Project[];
  environments: readonly Environment[];
}

/** Begins the environment of a project that has none. */
export function StartEnvironment({ projects, environments }: StartEnvironmentProps) {
  const client = useQueryClient();
  const open = startable(projects, environments);
  const start = async (project: Project) => {
    try {
      await startEnvironment(project.id);
      toast.show({ title: words.started(project.name), tone: "ok" });
    } catch (error) {
      const { title, detail } = toProblem(error);
      toast.show({ title, body: detail, tone: "danger" });
    }
    client.invalidateQueries({ queryKey: keys.environments });
  };
  return (
    <Menu
      trigger={
        <Button
          variant="primary"
          icon={<Plus aria-hidden />}
          disabled={open.length === 0}
          title={open.length === 0 ? words.startNone : undefined}
        >
          {words.start}
        </Button>
      }
      items={open.map((project) => ({ label: project.name, onSelect: () => start(project) }))}
    />
  );
}
