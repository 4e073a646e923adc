import { Page } from "../components/page";
import { Empty } from "../components/states";

export function Lost() {
  return (
    <Page title="Not found">
      <section class="panel">
        <Empty title="There is no such page">
          <p>The address may be from another version of the gateway.</p>
          <a class="button" href="/">
            Overview
          </a>
        </Empty>
      </section>
    </Page>
  );
}
