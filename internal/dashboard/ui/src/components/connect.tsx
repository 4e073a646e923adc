/** What to do when nothing has come in yet: the URL to paste, and a sample to send. */
import { useState } from "preact/hooks";
import { address, postJSON } from "../api/http";
import type { Connect, SampleSent } from "../api/types";
import { refreshStatus, status } from "../state/status";
import { useQuery } from "../state/query";
import { toast } from "../state/toasts";
import { Operators } from "./operators";
import { Code } from "./payload";

export function ConnectFirst({ onSent }: { onSent: () => void }) {
  return (
    <section class="panel">
      <div class="empty">
        <h2>No webhook has come in yet</h2>
        {status.value?.embedded ? <WebhookURL /> : <p>Point a webhook of Apify at this gateway. Sources says how, step by step.</p>}
        <div class="row">
          {status.value?.embedded && <SampleButtons onSent={onSent} />}
          <a class="button" href="/sources">
            How to connect
          </a>
        </div>
      </div>
    </section>
  );
}

function WebhookURL() {
  const connect = useQuery<Connect>(address("/connect"));
  if (connect.error) return <p>Paste the webhook URL of your source into Apify, with its token.</p>; // not for every role
  return (
    <>
      <p>Paste this URL into Apify as the webhook's URL, with host and port as Apify can reach them. It holds the source's token.</p>
      <div class="connect-url">
        {connect.data ? <Code text={connect.data.webhook_url} wrap label="webhook URL" /> : <span class="bone" style={{ height: "40px" }} />}
      </div>
    </>
  );
}

/** Sends a sample through the gateway's own door; the second time it is a duplicate. */
export function SampleButtons({ onSent }: { onSent: () => void }) {
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState(false);
  const send = async (again: boolean): Promise<void> => {
    setBusy(true);
    try {
      const said = await postJSON<SampleSent>(address("/send-sample"), { again });
      setSent(true);
      toast("good", `Sample sent: ${said.outcome}, run ${said.run_id}`);
      await refreshStatus();
      onSent();
    } catch (cause) {
      toast("bad", cause instanceof Error ? cause.message : String(cause));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Operators>
      <button type="button" class="button primary" disabled={busy} onClick={() => send(false)}>
        Send a sample
      </button>
      {sent && (
        <button type="button" class="button" disabled={busy} onClick={() => send(true)}>
          Send it again
        </button>
      )}
    </Operators>
  );
}
