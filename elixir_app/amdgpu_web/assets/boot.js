// Starts LiveView with the dashboard's hooks. What differs between applications is in the page's head.
(() => {
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content;
  const start = () => {
    const hooks = window.AmdgpuHooks ? window.AmdgpuHooks.hooks : {};
    // A hidden tab wants nothing of the server; what comes over the channel sees to itself.
    hooks.AmdgpuVisible = {
      mounted() {
        this.tell = () => this.pushEvent("amdgpu:feed", { rate: document.hidden ? 0 : 60 });
        document.addEventListener("visibilitychange", this.tell);
        if (document.hidden) this.tell();
      },
      reconnected() {
        if (document.hidden) this.tell();
      },
      destroyed() {
        document.removeEventListener("visibilitychange", this.tell);
      },
    };
    // The kernel bench's editor: Tab indents, and a diagnostic puts the cursor at its place.
    hooks.AmdgpuSource = {
      mounted() {
        const text = this.el.querySelector("textarea");
        text.addEventListener("keydown", (event) => {
          if (event.key !== "Tab" || event.shiftKey) return;
          event.preventDefault();
          text.setRangeText("  ", text.selectionStart, text.selectionEnd, "end");
          text.dispatchEvent(new Event("input", { bubbles: true }));
        });
        this.handleEvent("amdgpu:goto", ({ line, column }) => {
          const lines = text.value.split("\n");
          const at = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
          text.focus();
          text.setSelectionRange(at + Math.max(0, column - 1), at + Math.max(0, column - 1));
        });
      },
    };
    const socket = new window.LiveView.LiveSocket(meta("amdgpu-live-path"), window.Phoenix.Socket, {
      params: { _csrf_token: meta("csrf-token") },
      hooks,
    });
    // On localhost LiveView would write every update to the console.
    socket.disableDebug();
    socket.connect();
    window.amdgpuLiveSocket = socket;
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
