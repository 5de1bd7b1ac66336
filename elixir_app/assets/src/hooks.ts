// LiveView hooks: see ../README.md for their elements, attributes and events.
import { isPanelName, mount } from "./dashboard";
import { ChannelFeed } from "./feed/channel_feed";
import { EventFeed, type EventPort } from "./feed/event_feed";
import { type FeedState, RATES, type Rate } from "./feed/feed";
import { Session } from "./session";
import type { Panel } from "./view/panel";

/** What LiveView gives a hook as `this`. */
interface Hook extends EventPort {
  el: HTMLElement;
  amdgpu?: Mounted;
}

interface Mounted {
  session: Session;
  feed: EventFeed | null;
  panels: Panel[];
}

/** The page's feed, the panels that it feeds, and those that wait for one. */
let current: Session | null = null;
const placed = new Set<Hook>();
const waiting = new Set<Hook>();

function rateOf(element: HTMLElement): Rate {
  const rate = Number(element.dataset["rate"] ?? 60);
  return RATES.find((known) => known === rate) ?? 60;
}

function begin(hook: Hook): Mounted {
  const { el } = hook;
  const theme = el.dataset["theme"];
  const session = new Session(el, rateOf(el), theme === "dark" || theme === "light" ? theme : null);
  const mounted: Mounted = { session, feed: null, panels: [] };
  session.connect((events) => {
    if (el.dataset["feed"] === "channel") {
      const feed = new ChannelFeed({ url: el.dataset["socket"] ?? "/socket", token: el.dataset["token"] }, events);
      hook.handleEvent("amdgpu:status", ({ state, message }: { state: FeedState; message?: string }) => feed.status(state, message ?? ""));
      return feed;
    }
    mounted.feed = new EventFeed(hook, events, el.dataset["recordEvents"] !== undefined);
    return mounted.feed;
  });
  current = session;
  for (const panel of [...waiting]) placePanel(panel);
  return mounted;
}

function end(hook: Hook): void {
  const mounted = hook.amdgpu;
  if (mounted === undefined) return;
  mounted.session.destroy();
  if (current === mounted.session) current = null;
  clear(hook);
  for (const panel of [...placed]) {
    if (panel.amdgpu?.session !== mounted.session) continue;
    placed.delete(panel);
    waiting.add(panel);
    clear(panel);
  }
}

function clear(hook: Hook): void {
  hook.el.replaceChildren();
  delete hook.amdgpu;
}

function placePanel(hook: Hook): void {
  const name = hook.el.dataset["panel"] ?? "";
  if (!isPanelName(name)) throw new Error(`data-panel="${name}" is no panel of the AMDGPU dashboard`);
  if (current === null) {
    waiting.add(hook);
    return;
  }
  waiting.delete(hook);
  placed.add(hook);
  current.addRoot(hook.el);
  hook.amdgpu = { session: current, feed: null, panels: mount(hook.el, current, [name]) };
}

const feed = {
  mounted(this: Hook) {
    this.amdgpu = begin(this);
  },
  destroyed(this: Hook) {
    end(this);
  },
  disconnected(this: Hook) {
    this.amdgpu?.feed?.disconnected();
  },
  reconnected(this: Hook) {
    this.amdgpu?.feed?.reconnected();
  },
};

export const hooks = {
  AmdgpuFeed: feed,
  AmdgpuDashboard: {
    ...feed,
    mounted(this: Hook) {
      this.amdgpu = begin(this);
      const names = this.el.dataset["panels"]?.split(/\s+/).filter((name) => name !== "");
      this.amdgpu.panels = mount(this.el, this.amdgpu.session, names);
    },
  },
  AmdgpuPanel: {
    mounted(this: Hook) {
      placePanel(this);
    },
    destroyed(this: Hook) {
      waiting.delete(this);
      placed.delete(this);
      for (const panel of this.amdgpu?.panels ?? []) this.amdgpu!.session.remove(panel);
      this.amdgpu?.session.removeRoot(this.el);
      clear(this);
    },
  },
};
