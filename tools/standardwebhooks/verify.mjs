// Verifies one delivery as a receiver would, with the public library: {"secret", "headers", "body" (base64)} on stdin. It
// prints the event's type and exits 0 when the signature is good, else it says what the library says and exits 1.
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

const { secret, headers, body } = JSON.parse(await text(process.stdin));
try {
  const event = new Webhook(secret).verify(Buffer.from(body, "base64"), headers);
  console.log(event.eventType);
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exit(1);
}
