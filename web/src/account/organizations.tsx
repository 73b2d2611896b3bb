import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { may, type Organization, peopleQueries, queries } from "../api";
import { enterOrganization } from "../organizations/calls";
import { ListSkeleton } from "../settings/list-skeleton";
import { accountPage } from "../strings/account-page";
import { organizations } from "../strings/organizations";
import { session } from "../strings/settings";
import { Badge, Button, type Column, DataTable, ErrorState, FormError, Time, toast } from "../ui";

const MakeOrganization = lazy(() => import("../organizations/make-organization"));
const words = accountPage.organizations;

/** The organizations that one is in, and the way to each. */
export function Organizations() {
  const query = useQuery({ ...peopleQueries.organizations(), refetchOnMount: "always" });
  const me = useQuery(queries.me());
  const ways = useQuery(queries.ways());
  const [making, setMaking] = useState(false);
  const [going, setGoing] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);

  async function enter({ id, name }: Organization) {
    if (going !== null) return;
    setGoing(id);
    setProblem(null);
    try {
      await enterOrganization(id);
      toast.show({ title: organizations.entered(name), tone: "ok" });
    } catch (error) {
      setProblem(error);
      setGoing(null);
    }
  }

  const columns: Column<Organization>[] = [
    {
      key: "name",
      header: words.columns.name,
      cell: (one) => (
        <span className="flex flex-wrap items-center gap-x-2">
          <bdi className="break-words font-medium">{one.name}</bdi>
          {one.this && <Badge tone="accent">{words.here}</Badge>}
        </span>
      ),
    },
    {
      key: "role",
      header: words.columns.role,
      cell: ({ role }) => session.roles[role] ?? role,
    },
    {
      key: "since",
      header: words.columns.since,
      wide: true,
      cell: ({ since }) => <Time at={since} className="text-muted" />,
    },
    {
      key: "actions",
      header: <span className="sr-only">{words.columns.actions}</span>,
      align: "end",
      cell: (one) =>
        one.this || !may(me.data, "organization.enter") ? null : (
          <Button
            size="sm"
            busy={going === one.id}
            aria-label={words.enterNamed(one.name)}
            onClick={() => enter(one)}
          >
            {words.enter}
          </Button>
        ),
    },
  ];
  return (
    <section className="flex flex-col gap-3">
      <header className="flex flex-wrap items-center gap-2">
        <div className="min-w-0 flex-1 basis-60">
          <h2 className="font-semibold text-lg">{words.title}</h2>
          <p className="max-w-prose text-muted">{words.lead}</p>
        </div>
        {ways.data?.organizations && may(me.data, "organization.create") && (
          <Button icon={<Plus aria-hidden />} onClick={() => setMaking(true)}>
            {words.make}
          </Button>
        )}
      </header>
      <FormError problem={problem} />
      {query.data === undefined ? (
        query.isError ? (
          <ErrorState problem={query.error} retry={() => query.refetch()} />
        ) : (
          <ListSkeleton rows={2} />
        )
      ) : (
        <DataTable
          caption={words.title}
          rows={query.data}
          rowKey={(one) => one.id}
          columns={columns}
        />
      )}
      <Suspense>{making && <MakeOrganization onClose={() => setMaking(false)} />}</Suspense>
    </section>
  );
}
