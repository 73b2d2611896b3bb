import { CircleCheck, CirclePause, TriangleAlert } from "lucide-react";
import type { Webhook } from "../api";
import { webhooks as words } from "../strings/webhooks";
import { Badge, Callout, Time } from "../ui";

/** How a webhook fares, in a word. */
export function WebhookState({ webhook }: { webhook: Webhook }) {
  const { active, failing, paused } = words.states;
  if (webhook.paused != null) {
    const tone = webhook.paused === "person" ? "neutral" : "danger";
    return (
      <Badge tone={tone} icon={<CirclePause aria-hidden />} title={whyPaused(webhook.paused)}>
        {paused}
      </Badge>
    );
  }
  if (webhook.failing_since != null) {
    return (
      <Badge tone="warn" icon={<TriangleAlert aria-hidden />}>
        {failing}
      </Badge>
    );
  }
  return (
    <Badge tone="ok" icon={<CircleCheck aria-hidden />}>
      {active}
    </Badge>
  );
}

function whyPaused(why: string): string {
  const { person, gone, failing, other } = words.why;
  return { person, gone, failing }[why] ?? other(why);
}

/** What a person should know of it, in sentences; nothing where all is well. */
export function WebhookRemarks({ webhook }: { webhook: Webhook }) {
  const { paused, failing_since, old_secret_until } = webhook;
  return (
    <>
      {paused != null && (
        <Callout tone={paused === "person" ? "info" : "warn"}>{whyPaused(paused)}</Callout>
      )}
      {paused == null && failing_since != null && (
        <Callout tone="warn">
          {words.why.failingNow} <Time at={failing_since} />. {words.why.failingThen}
        </Callout>
      )}
      {old_secret_until != null && (
        <Callout tone="info">
          {words.why.oldSecret} <Time at={old_secret_until} />.
        </Callout>
      )}
    </>
  );
}
