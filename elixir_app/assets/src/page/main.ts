// The stand-alone page: the dashboard over the gateway's channel. `?token=` is passed on and taken out of the address.
import { mount } from "../dashboard";
import { ChannelFeed } from "../feed/channel_feed";
import { Session } from "../session";

const root = document.getElementById("dashboard");
if (root === null) throw new Error("the page has no #dashboard");

const address = new URL(location.href);
const token = address.searchParams.get("token") ?? undefined;
if (token !== undefined) {
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

const session = new Session(root);
const archive = new URL("api/v1/recording", document.baseURI);
session.connect((events) => new ChannelFeed({ url: new URL("socket", document.baseURI).pathname, token, archive }, events));
// While the connection is made.
mount(root, session);
