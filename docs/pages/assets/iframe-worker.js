// The search runs in a worker, and browsers start none for a page that is opened from disk. There an invisible frame
// of this page does the work: its script believes to be in a worker, and messages go from one window to the other.
(() => {
  if (location.protocol !== "file:") return;

  class FrameWorker extends EventTarget {
    #frame = document.createElement("iframe");
    #early = [];
    #ready = false;

    constructor(address) {
      super();
      const script = new URL(address, document.baseURI);
      this.#frame.hidden = true;
      this.#frame.title = "search";
      this.#frame.srcdoc = `<script src="${script.href.replaceAll('"', "&quot;")}"></` + "script>";
      this.#frame.addEventListener("load", () => this.#begin());
      const attach = () => document.body.append(this.#frame);
      if (document.body) attach();
      else addEventListener("DOMContentLoaded", attach);
    }

    #begin() {
      this.#frame.contentWindow.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.#ready = true;
      for (const data of this.#early.splice(0)) this.postMessage(data);
    }

    postMessage(data) {
      if (!this.#ready) this.#early.push(data);
      else this.#frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
    }
  }

  window.IFrameWorker = FrameWorker;
  window.Worker = FrameWorker;
})();
