// SPDX-License-Identifier: Apache-2.0
// Begins: a report when answers lie in the page, else the dashboard of the server that gave it.
import { render } from "preact";
import { cleanAddress, followLinks, useHashAddresses } from "./address/address.ts";
import { embeddedIn } from "./answers/embedded.ts";
import { serverSource } from "./answers/server.ts";
import { App } from "./app/App.tsx";
import { applyAppearance } from "./parts/appearance.ts";
import { ReportApp } from "./report/ReportApp.tsx";
import "./style/app.css";

applyAppearance();
const embedded = embeddedIn(document);
if (embedded !== undefined) useHashAddresses();
cleanAddress();
followLinks();
const root = document.getElementById("app");
if (root !== null) {
  root.textContent = "";
  render(embedded === undefined ? <App source={serverSource()} />
    : <ReportApp embedded={embedded} />, root);
}
