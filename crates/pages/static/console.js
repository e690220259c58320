// What HTML cannot do: times in the reader's zone, copying, and looking again while something is awaited.
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

  // Asks for the same page until it no longer waits for anything, and then shows what it became.
  function lookAgain() {
    const waiting = document.querySelector("[data-refresh]");
    if (!waiting) return;
    const look = async () => {
      if (!document.hidden) {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
        if (answer && answer.ok && !answer.redirected) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          if (!page.querySelector("[data-refresh]")) {
            const main = document.importNode(page.querySelector("main"), true);
            document.querySelector("main").replaceWith(main);
            dress(main);
            return;
          }
        }
      }
      setTimeout(look, waiting.dataset.refresh * 1000);
    };
    setTimeout(look, waiting.dataset.refresh * 1000);
  }

  dress(document);
  lookAgain();
})();
