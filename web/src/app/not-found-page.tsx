import { Compass } from "lucide-react";
import { app } from "../strings/app";
import { ButtonLink, EmptyState, PageHeader } from "../ui";

export function NotFoundPage() {
  return (
    <>
      <PageHeader
        title={app.notFound.title}
        heading={<span className="sr-only">{app.notFound.title}</span>}
      />
      <EmptyState
        icon={<Compass />}
        title={app.notFound.title}
        body={app.notFound.body}
        action={<ButtonLink to="/projects">{app.notFound.action}</ButtonLink>}
      />
    </>
  );
}
