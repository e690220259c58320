// What HTML cannot do: times in the reader's zone, copying, looking again while something is awaited, trying what is typed.
"use strict";
(() => {
  const language = document.documentElement.lang;
  const short = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });

  function tellTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      time.textContent = short.format(at);
      time.title = exact.format(at);
    }
  }

  function offerCopies(root) {
    if (!navigator.clipboard) return;
    const { copy, copied } = document.body.dataset;
    for (const from of root.querySelectorAll(".copy")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet copier";
      button.textContent = copy;
      const text = from.textContent;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text);
        button.textContent = copied;
      });
      from.after(button);
    }
  }

  function dress(root) {
    tellTimes(root);
    offerCopies(root);
  }

  // Asks for the same page until it no longer waits for anything. What waits and has a name is replaced alone, so that nothing
  // that was typed beside it is lost; otherwise the page is, once it does not wait any more.
  function lookAgain() {
    let waiting = document.querySelector("[data-refresh]");
    if (!waiting) return;
    const show = (old, found) => {
      const shown = document.importNode(found, true);
      old.replaceWith(shown);
      dress(shown);
      return shown;
    };
    const look = async () => {
      if (!document.hidden) {
        const answer = await fetch(location.href, { headers: { accept: "text/html", "x-harbor-no-session-renewal": "true" } }).catch(() => null);
        if (answer && answer.ok && !answer.redirected) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const part = waiting.id && page.getElementById(waiting.id);
          if (part) waiting = show(waiting, part);
          else if (!page.querySelector("[data-refresh]")) waiting = show(document.querySelector("main"), page.querySelector("main"));
          if (!waiting.dataset.refresh) return;
        }
      }
      setTimeout(look, waiting.dataset.refresh * 1000);
    };
    setTimeout(look, waiting.dataset.refresh * 1000);
  }

  // Tries a form as it is typed: what it would do is shown in the part of the page that it names.
  function tryForms() {
    for (const form of document.querySelectorAll("form[data-preview]")) {
      let waits, asked = new AbortController();
      const ask = async () => {
        asked.abort();
        asked = new AbortController();
        const { signal } = asked;
        const body = new URLSearchParams(new FormData(form));
        body.set("do", "preview");
        const answer = await fetch(form.action, { method: "POST", body, signal }).catch(() => null);
        const text = await answer?.text().catch(() => null);
        if (!text || signal.aborted) return;
        const page = new DOMParser().parseFromString(text, "text/html");
        const found = page.getElementById(form.dataset.preview);
        if (!found) return;
        const shown = document.importNode(found, true);
        document.getElementById(form.dataset.preview).replaceWith(shown);
        dress(shown);
      };
      form.addEventListener("input", () => {
        clearTimeout(waits);
        waits = setTimeout(ask, 400);
      });
      ask();
    }
  }

  dress(document);
  lookAgain();
  tryForms();
})();
