import { render } from "preact";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { App } from "./app";
import { interceptLinks } from "./router";
import { restore } from "./session";

const root = document.getElementById("app");
if (root) {
  interceptLinks(document.body);
  void restore();
  render(<App />, root);
}
