import { CircleCheck, CircleDashed, CircleDot, CircleX, RotateCw } from "lucide-react";
import type { WebhookDelivery } from "../api";
import { webhooks } from "../strings/webhooks";
import { Badge } from "../ui";

const words = webhooks.page;

/** What became of a delivery. A server that is newer than the page may have more states. */
export function DeliveryState({ delivery }: { delivery: WebhookDelivery }) {
  const { state, tries } = delivery;
  const name = words.states[state] ?? state;
  switch (state) {
    case "delivered":
      return (
        <Badge tone="ok" icon={<CircleCheck aria-hidden />}>
          {name}
        </Badge>
      );
    case "failed":
      return (
        <Badge tone="danger" icon={<CircleX aria-hidden />}>
          {name}
        </Badge>
      );
    case "waiting":
      return tries > 0 ? (
        <Badge tone="warn" icon={<RotateCw aria-hidden />}>
          {words.retried}
        </Badge>
      ) : (
        <Badge icon={<CircleDashed aria-hidden />}>{name}</Badge>
      );
    default:
      return <Badge icon={<CircleDot aria-hidden />}>{name}</Badge>;
  }
}
