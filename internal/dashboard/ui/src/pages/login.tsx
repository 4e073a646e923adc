import { useEffect, useRef, useState } from "preact/hooks";
import { signIn } from "../session";
import { Mark } from "../components/icon";

export function Login() {
  const [token, setToken] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in · dedupgate";
    field.current?.focus();
  }, []);
  const submit = async (e: Event): Promise<void> => {
    e.preventDefault();
    setBusy(true);
    setError("");
    try {
      await signIn(token);
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause));
      setBusy(false);
    }
  };
  return (
    <main class="gate">
      <form onSubmit={submit}>
        <h1 class="brand">
          <Mark size={24} />
          dedupgate
        </h1>
        <div class="panel">
          <label class="field">
            <span>Admin token</span>
            <input
              class="input mono"
              type="password"
              name="token"
              autocomplete="current-password"
              spellcheck={false}
              ref={field}
              value={token}
              aria-invalid={error !== ""}
              aria-describedby="token-help"
              onInput={(e) => setToken(e.currentTarget.value)}
            />
          </label>
          {error !== "" && (
            <div class="banner red" role="alert">
              <p>{error}</p>
            </div>
          )}
          <button type="submit" class="button primary" disabled={busy}>
            {busy ? "Signing in…" : "Sign in"}
          </button>
          <p class="muted small" id="token-help">
            It is <code>admin.token</code> or one of <code>admin.tokens</code> in the configuration; where none is configured, it is what the gateway has put into{" "}
            <code>admin-token</code> in its data folder on first start. The browser keeps a session, never the token.
          </p>
        </div>
      </form>
    </main>
  );
}
